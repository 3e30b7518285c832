"""An authority of the tests' own and a server certificate that it signed; another authority that signed nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Certificates:
    """PEM files. The server's certificate is for `localhost` and `127.0.0.1`."""

    ca: Path
    """What clients are given to trust."""
    cert: Path
    """The server's chain."""
    key: Path
    """The server's key, PKCS 8: the one form that Java reads too."""
    other_ca: Path
    """An authority that signed none of these."""

    @classmethod
    def create(cls, directory: Path) -> Certificates:
        directory.mkdir(parents=True, exist_ok=True)
        made = cls(*(directory / f"{name}.pem" for name in ("ca", "cert", "key", "other-ca")))
        authority = trustme.CA(organization_name="Showrunner tests")
        server = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(str(made.ca))
        trustme.CA(organization_name="Somebody else").cert_pem.write_to_path(str(made.other_ca))
        made.cert.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        key = load_pem_private_key(server.private_key_pem.bytes(), password=None)
        made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        made.key.chmod(0o600)
        return made
