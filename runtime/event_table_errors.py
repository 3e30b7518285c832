"""EventTableError, and what the catalog's database and the warehouse's storage raise as one line of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError


class EventTableError(Exception):
    """Something is wrong with the lake's table or its catalog; the message names it."""


@contextmanager
def lake_errors() -> Iterator[None]:
    """Around reads of the catalog or the warehouse: what a driver raises becomes an EventTableError.

    A FileNotFoundError stays: it may mean that a snapshot has expired.
    """
    try:
        yield
    except DBAPIError as error:
        raise EventTableError(database_problem(error)) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EventTableError(storage_problem(error)) from error


def database_problem(error: DBAPIError) -> str:
    """One line; drivers put neither the password nor the URL in their messages."""
    reason = one_line(error.orig or error)
    return f"the Iceberg catalog's database cannot be used: {reason}: {_database_remedy(reason)}"


def is_refusal(error: DBAPIError) -> bool:
    """Whether the server, or we, refused the connection for good: trying again does not help."""
    reason = one_line(error.orig or error)
    return any(word in reason for word in (*_CREDENTIALS, *_TLS))


_CREDENTIALS = ("password authentication failed", "no password supplied")
_TLS = ("certificate", "SSL", "sslmode", "no encryption")


def _database_remedy(reason: str) -> str:
    if any(word in reason for word in _CREDENTIALS):
        return "check LAKE_CATALOG_PASSWORD, or the password in LAKE_CATALOG_URI, and the user there"
    if any(word in reason for word in _TLS):
        return "check sslmode and sslrootcert in LAKE_CATALOG_URI"
    return "check LAKE_CATALOG_URI"


def storage_problem(error: OSError) -> str:
    """One line for what Arrow's file systems raise."""
    reason = one_line(error)
    if "curlCode: 60" in reason or "curlCode: 77" in reason:
        remedy = "its certificate is not trusted: check STORE_CA"
    elif any(
        word in reason for word in ("ACCESS_DENIED", "SIGNATURE_DOES_NOT_MATCH", "INVALID_ACCESS_KEY", "AdminUser")
    ):
        remedy = "it refuses the credentials: check STORE_ACCESS_KEY and STORE_SECRET_KEY, and what they may do"
    else:
        remedy = "check LAKE_WAREHOUSE and STORE_ENDPOINT, and that the server is up"
    return f"the lake's storage cannot be used: {remedy} ({reason})"


def one_line(error: BaseException) -> str:
    """What an exception says; drivers' messages have line breaks and advice on lines of their own."""
    return " ".join(str(error).split()).rstrip(".")
