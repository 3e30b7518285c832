"""The file system of an `s3://` warehouse whose certificate a private authority signed."""

from __future__ import annotations

from typing import Final

from pyarrow.fs import FileSystem, S3FileSystem
from pyiceberg.io import (
    S3_ACCESS_KEY_ID,
    S3_ANONYMOUS,
    S3_ENDPOINT,
    S3_FORCE_VIRTUAL_ADDRESSING,
    S3_REGION,
    S3_SECRET_ACCESS_KEY,
)
from pyiceberg.io.pyarrow import PyArrowFileIO

S3_CA: Final = "s3.tls-ca-file-path"
"""Ours: pyiceberg 0.12 has no such property, and Arrow reads no environment variable for it."""


class PrivateCaFileIO(PyArrowFileIO):
    """pyiceberg's own, but that it trusts the PEM file that the property S3_CA names, and nobody else.

    It knows no other properties of S3 than those that runtime/event_table_catalog.py sets.
    """

    def _initialize_s3_fs(self, netloc: str | None) -> FileSystem:  # noqa: ARG002 - pyiceberg's signature
        given = self.properties
        return S3FileSystem(
            endpoint_override=given.get(S3_ENDPOINT),
            region=given.get(S3_REGION),
            access_key=given.get(S3_ACCESS_KEY_ID),
            secret_key=given.get(S3_SECRET_ACCESS_KEY),
            anonymous=given.get(S3_ANONYMOUS) == "true",
            force_virtual_addressing=given.get(S3_FORCE_VIRTUAL_ADDRESSING) == "true",
            tls_ca_file_path=given[S3_CA],
        )
