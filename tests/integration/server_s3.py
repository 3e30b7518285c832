"""An S3 server that speaks TLS only."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from minio import Minio

from tests.integration.certificates import Certificates
from tests.integration.server_process import ServerProcess, listens, server_port
from tests.real import require_env


class S3Server:
    """versitygw over a folder, with one bucket, `lake`."""

    bucket = "lake"

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        program = Path(require_env("REALSTACK_DIR")["REALSTACK_DIR"]) / "sw" / "bin" / "versitygw"
        self.certificates = certificates
        self.access_key = "showrunner"
        self.secret_key = f"s3-secret-{secrets.token_hex(8)}"
        port = server_port()
        self.endpoint = f"https://localhost:{port}"
        (directory / "data").mkdir(parents=True)
        self._process = ServerProcess(
            [str(program), "--port", f"127.0.0.1:{port}", "--region", "us-east-1", "--quiet",
             "--cert", str(certificates.cert), "--key", str(certificates.key), "posix", str(directory / "data")],
            directory / "s3.log",
            ready=lambda _: listens(port),
            environment={"ROOT_ACCESS_KEY": self.access_key, "ROOT_SECRET_KEY": self.secret_key},
        )  # fmt: skip

    def start(self) -> None:
        self._process.start()
        pool = urllib3.PoolManager(ca_certs=str(self.certificates.ca))
        client = Minio(
            self.endpoint.removeprefix("https://"),
            access_key=self.access_key,
            secret_key=self.secret_key,
            region="us-east-1",
            http_client=pool,
        )
        if not client.bucket_exists(self.bucket):
            client.make_bucket(self.bucket)
        pool.clear()

    def stop(self) -> None:
        self._process.stop()

    def environment(self) -> dict[str, str]:
        """The `STORE_*` settings of a store in the bucket."""
        return {
            "STORE_URL": f"s3://{self.bucket}/showrunner",
            "STORE_ENDPOINT": self.endpoint,
            "STORE_ACCESS_KEY": self.access_key,
            "STORE_SECRET_KEY": self.secret_key,
            "STORE_CA": str(self.certificates.ca),
        }


@contextmanager
def s3_server(directory: Path, certificates: Certificates) -> Iterator[S3Server]:
    server = S3Server(directory, certificates)
    try:
        server.start()
        yield server
    finally:
        server.stop()
