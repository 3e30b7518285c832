"""A fresh corner of the real S3 server that the environment names."""

from __future__ import annotations

from uuid import uuid4

from runtime.object_store import ObjectStore
from runtime.object_stores import open_store
from runtime.settings import StoreSettings
from tests.real import require_env


def s3_settings(prefix: str | None = None) -> StoreSettings:
    """Settings for a prefix of the server's bucket, by default one that nobody has used."""
    real = require_env("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_REGION", "S3_BUCKET")
    return StoreSettings.model_validate(
        {
            "url": f"s3://{real['S3_BUCKET']}/{prefix or f'test-{uuid4()}'}",
            "endpoint": real["S3_ENDPOINT"],
            "region": real["S3_REGION"],
            "access_key": real["S3_ACCESS_KEY"],
            "secret_key": real["S3_SECRET_KEY"],
        }
    )


def s3_store() -> ObjectStore:
    return open_store(s3_settings())
