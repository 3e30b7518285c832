from __future__ import annotations

import pytest
from sqlalchemy.exc import OperationalError

from runtime.event_table_errors import EventTableError, lake_errors

CONNECTION = 'connection to server at "db" (10.0.0.1), port 5432 failed: '
READING = "When reading information for key 'k' in bucket 'b': AWS Error "


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ('FATAL:  password authentication failed for user "lake"\n', "check LAKE_CATALOG_PASSWORD, or the password in"),
        ("fe_sendauth: no password supplied\n", "check LAKE_CATALOG_PASSWORD"),
        ("SSL error: certificate verify failed\n", "check sslmode and sslrootcert in LAKE_CATALOG_URI"),
        ('root certificate file "/ca" does not exist\nEither provide the file, …\n', "check sslmode and sslrootcert"),
        ("Connection refused\n\tIs the server running on that host?\n", "host?: check LAKE_CATALOG_URI"),
    ],
)
def test_what_the_database_says_is_one_line(reason: str, words: str) -> None:
    with pytest.raises(EventTableError) as raised, lake_errors():
        raise OperationalError("select 1", {}, Exception(CONNECTION + reason))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "select" not in str(raised.value)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("ACCESS_DENIED during HeadObject operation: No response body.", "STORE_SECRET_KEY"),
        ("SIGNATURE_DOES_NOT_MATCH during PutObject operation: …", "STORE_SECRET_KEY"),
        ("NETWORK_CONNECTION during HeadObject operation: curlCode: 60, SSL peer certificate …", "STORE_CA"),
        ("NETWORK_CONNECTION during HeadObject operation: curlCode: 7, Could not connect", "STORE_ENDPOINT"),
    ],
)
def test_what_the_storage_says_is_one_line(reason: str, words: str) -> None:
    with pytest.raises(EventTableError, match=words), lake_errors():
        raise OSError(READING + reason)


def test_a_missing_file_is_left_to_the_reader() -> None:
    with pytest.raises(FileNotFoundError), lake_errors():
        raise FileNotFoundError("gone")
