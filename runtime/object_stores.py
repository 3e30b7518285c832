"""Which object store the settings name. Apart, so that a process over a folder imports no S3 client."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.object_store import ObjectStore, ObjectStoreError
from runtime.settings import StoreSettings


def open_store(settings: StoreSettings) -> ObjectStore:
    """The store at `settings.url`; nothing is connected to yet.

    Raises:
        ObjectStoreError: the URL names no place, a key comes without its secret, or STORE_CA has no certificate.
    """
    if settings.url.startswith("file://"):
        from runtime.object_store_directory import DirectoryStore  # noqa: PLC0415 - each only where it is used

        rest = urlsplit(settings.url)
        if rest.netloc not in {"", "localhost"} or not rest.path.strip("/"):
            raise ObjectStoreError(f"STORE_URL: {settings.url!r} must be file:///absolute/path")
        return DirectoryStore(Path(unquote(rest.path)))

    from runtime.object_store_s3 import S3Store  # noqa: PLC0415 - each only where it is used

    if (settings.access_key is None) != (settings.secret_key is None):
        raise ObjectStoreError("STORE_ACCESS_KEY and STORE_SECRET_KEY must be set together")
    bucket, _, prefix = settings.url.removeprefix("s3://").partition("/")
    return S3Store(
        bucket,
        prefix.strip("/"),
        endpoint=settings.endpoint,
        region=settings.region,
        access_key=settings.access_key.get_secret_value() if settings.access_key else None,
        secret_key=settings.secret_key.get_secret_value() if settings.secret_key else None,
        ca=settings.ca,
    )
