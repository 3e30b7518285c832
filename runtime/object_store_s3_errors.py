"""What minio-py, urllib3 and an S3 server say when something is wrong, as errors of ObjectStore: one line each, the
key and the remedy named, never a signed URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from xml.etree.ElementTree import ParseError

import urllib3
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from runtime.object_store import (
    ObjectNotFoundError,
    ObjectStoreError,
    PreconditionFailedError,
    StoreRefusedError,
    StoreUnavailableError,
)

_MISSING: Final = frozenset({"NoSuchKey", "NoSuchVersion"})
_REFUSED: Final = frozenset({
    "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken",
    "XMinioInvalidAccessKey", "AuthorizationHeaderMalformed",
    "XAdminUserNotFound",  # versitygw's, with the status 404
})  # fmt: skip
# a bucket that cannot hold both `a` and `a/b`
_IN_THE_WAY: Final = frozenset({
    "ObjectParentIsFile", "ExistingObjectIsDirectory", "XMinioParentIsObject", "XMinioObjectExistsAsDirectory",
})  # fmt: skip


class BeyondEndError(ObjectStoreError):
    """A range starts at or beyond the object's end."""


class S3Errors:
    """Of one bucket at one endpoint."""

    def __init__(self, endpoint: str, bucket: str, where: str) -> None:
        self._endpoint, self._bucket = endpoint, bucket
        self.where = where

    @contextmanager
    def of(self, key: str) -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            raise self._translated(key, error) from error
        except InvalidResponseError as error:
            what = f"{self._endpoint} answered with something that is not S3's XML"
            raise StoreUnavailableError(f"{key!r}: {what}: check STORE_ENDPOINT") from error
        except (MinioException, ServerError) as error:
            raise StoreUnavailableError(f"{key!r}: {self.where}: {error}") from error
        except HTTPError as error:
            # not chained, and not quoted whole: what urllib3 says of a request may carry the signed URL
            reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
            if isinstance(reason, SSLError):
                raise StoreRefusedError(
                    f"{key!r}: {self._endpoint} cannot be trusted ({_brief(reason)}): check STORE_CA and STORE_ENDPOINT"
                ) from None
            raise StoreUnavailableError(
                f"{key!r}: {self._endpoint} cannot be reached ({_brief(reason)}): "
                "check STORE_ENDPOINT, and that the server is up"
            ) from None

    def _translated(self, key: str, error: S3Error) -> ObjectStoreError:
        code, status, where = error.code or "", error.response.status, self.where
        kinds: tuple[tuple[bool, type[ObjectStoreError], str], ...] = (
            (
                status == 412 or code == "ConditionalRequestConflict",
                PreconditionFailedError,
                f"the object in {where} is not as expected: another put came first",
            ),
            (status == 416, BeyondEndError, "the range starts beyond the end"),
            (
                code == "NoSuchBucket",
                StoreUnavailableError,
                f"there is no bucket {self._bucket!r} at {self._endpoint}: create it",
            ),
            (code in _MISSING, ObjectNotFoundError, f"no such object in {where}"),
            (
                code in _IN_THE_WAY,
                ObjectStoreError,
                f"cannot be beside another object in {where} ({code}): choose another key",
            ),
            (
                code in _REFUSED or status in {401, 403},
                StoreRefusedError,
                f"{where} refused the credentials ({code}): check STORE_ACCESS_KEY and STORE_SECRET_KEY, "
                "and what they may do",
            ),
        )
        for applies, kind, what in kinds:
            if applies:
                return kind(f"{key!r}: {what}")
        return StoreUnavailableError(f"{key!r}: {where}: HTTP {status} {code}: {error.message}")


def s3_error(response: urllib3.BaseHTTPResponse) -> MinioException:
    try:
        return S3Error.fromxml(response)
    except (ParseError, UnicodeDecodeError):
        return ServerError(f"HTTP {response.status} to a conditional put", response.status)


def _brief(error: Exception) -> str:
    """What went wrong without the URL: the end of urllib3's sentence."""
    return str(error).rpartition(": ")[2] or type(error).__name__
