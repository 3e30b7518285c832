"""S3Store: an object store in a bucket, on any server that speaks the S3 API and keeps If-Match on PUT."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from runtime.object_store import (
    CHUNK,
    Object,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectStoreError,
    PreconditionFailedError,
    check_key,
    check_prefix,
    check_put,
    check_range,
    is_key,
    replacing,
)
from runtime.object_store_s3_errors import BeyondEndError, S3Errors, s3_error

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 30.0
RETRIES: Final = 2


class S3Store:
    """Objects are those of `bucket` below `prefix`.

    Args:
        bucket: must exist.
        prefix: without slashes at its ends; keys are relative to it.
        endpoint: `http://host:port` or `https://host`.
        region: as the requests are signed for.
        access_key: None for anonymous requests.
        secret_key: goes with `access_key`; it is never logged nor part of an error.
        ca: PEM file of the authority that signed the endpoint's certificate; by default those that the system and
            certifi trust.
        connect_timeout: seconds.
        read_timeout: seconds that the server may be silent.

    Raises:
        ObjectStoreError: `ca` has no certificate.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        endpoint: str,
        region: str,
        access_key: str | None = None,
        secret_key: str | None = None,
        ca: Path | None = None,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
    ) -> None:
        if prefix:
            check_key(prefix)
        self._bucket, self._endpoint = bucket, endpoint
        self._base = prefix + "/" if prefix else ""
        self._errors = S3Errors(endpoint, bucket, f"s3://{bucket}/{self._base} at {endpoint}")
        self._http = urllib3.PoolManager(
            maxsize=10,
            timeout=urllib3.Timeout(connect=connect_timeout, read=read_timeout),
            retries=urllib3.Retry(
                RETRIES,
                backoff_factor=0.2,
                backoff_jitter=0.1,
                status_forcelist=(500, 502, 503, 504),
                raise_on_status=False,
            ),
            ssl_context=_trust(ca),
        )
        url = urlsplit(endpoint)
        self._client = Minio(
            url.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=url.scheme == "https",
            region=region,
            http_client=self._http,
        )

    def __repr__(self) -> str:
        return f"S3Store({self._errors.where})"

    def put(self, key: str, data: bytes | Path, *, if_match: str | None = None, if_absent: bool = False) -> str:
        check_put(key, if_match, if_absent)
        name = self._name(key)
        if if_absent:
            return self._put_if(key, name, data, {"If-None-Match": "*"})
        if if_match is not None:
            try:
                return self._put_if(key, name, data, {"If-Match": f'"{if_match}"'})
            except ObjectNotFoundError as error:
                raise PreconditionFailedError(f"{error}: it is gone") from error
        with _content(data) as (content, size), self._errors.of(key):
            return _bare(self._client.put_object(self._bucket, name, content, size).etag)

    def get(self, key: str) -> Object:
        with self._errors.of(key), self._read(key) as response:
            return Object(response.read(), _bare(response.headers.get("ETag")))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        check_range(key, start, length)
        if length == 0:
            if self.head(key) is None:
                raise ObjectNotFoundError(f"{key!r}: no such object in {self._errors.where}")
            return b""
        try:
            with self._errors.of(key), self._read(key, start, length) as response:
                return response.read()
        except BeyondEndError:
            return b""

    def download(self, key: str, path: Path) -> str:
        with self._errors.of(key), self._read(key) as response, replacing(path) as target:
            for chunk in response.stream(CHUNK):
                target.write(chunk)
            return _bare(response.headers.get("ETag"))

    def head(self, key: str) -> ObjectInfo | None:
        name = self._name(key)
        try:
            with self._errors.of(key):
                found = self._client.stat_object(self._bucket, name)
        except ObjectNotFoundError:
            return None
        return ObjectInfo(key, found.size or 0, _bare(found.etag))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        with self._errors.of(prefix):
            found = [
                ObjectInfo(key, entry.size or 0, _bare(entry.etag))
                for entry in self._client.list_objects(self._bucket, prefix=self._base + prefix, recursive=True)
                if is_key(key := (entry.object_name or "").removeprefix(self._base))
            ]
        # not every server keeps S3's order (those over a file system walk its folders)
        return iter(sorted(found, key=lambda info: info.key.encode()))

    def delete(self, key: str) -> None:
        name = self._name(key)
        try:
            with self._errors.of(key):
                self._client.remove_object(self._bucket, name)
        except ObjectNotFoundError:
            return

    def _name(self, key: str) -> str:
        check_key(key)
        check_key(self._base + key)
        return self._base + key

    @contextmanager
    def _read(self, key: str, start: int = 0, length: int = 0) -> Iterator[urllib3.BaseHTTPResponse]:
        response = self._client.get_object(self._bucket, self._name(key), start, length)
        try:
            yield response
        finally:
            response.close()
            response.release_conn()

    def _put_if(self, key: str, name: str, data: bytes | Path, condition: dict[str, str]) -> str:
        """minio-py's `put_object` cannot send a condition, so the request is a presigned PUT of our own.

        It is never sent twice: when an answer is lost after the put happened, a second try would be told that the
        condition fails. Only connecting is tried again, and by hand: urllib3 would log the signed URL.
        """
        for attempt in range(RETRIES + 1):
            with _content(data) as (content, size), self._errors.of(key):
                url = self._client.get_presigned_url("PUT", self._bucket, name, expires=timedelta(minutes=5))
                headers = {**condition, "Content-Length": str(size), "Content-Type": "application/octet-stream"}
                try:
                    response = self._http.request(
                        "PUT", url, body=content, headers=headers, retries=False, redirect=False
                    )
                except (NewConnectionError, ConnectTimeoutError):
                    if attempt == RETRIES:
                        raise
                    continue
                if response.status == 200:
                    return _bare(response.headers.get("ETag"))
                raise s3_error(response)
        raise AssertionError("unreachable: the last attempt returns or raises")


def _trust(ca: Path | None) -> ssl.SSLContext:
    if ca is None:
        trust = ssl.create_default_context()  # the system's, or SSL_CERT_FILE's
        trust.load_verify_locations(certifi.where())
        return trust
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise ObjectStoreError(f"STORE_CA={ca} is no PEM file of certificates: {error.reason}") from None


@contextmanager
def _content(data: bytes | Path) -> Iterator[tuple[BinaryIO, int]]:
    with data.open("rb") if isinstance(data, Path) else BytesIO(data) as content:
        size = content.seek(0, SEEK_END)
        content.seek(0)
        yield content, size


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
