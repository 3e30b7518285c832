"""A PostgreSQL server that takes TLS connections with a password only."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.integration.certificates import Certificates
from tests.integration.server_process import ServerProcess, server_port
from tests.real import require_env


class PostgresServer:
    """One cluster with the database `iceberg`; `pg_hba.conf` has `hostssl … scram-sha-256` and nothing else."""

    database = "iceberg"

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        require_env("REALSTACK_DIR")
        self._bin = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        self.certificates = certificates
        self.username = "showrunner"
        self.password = f"pg-secret-{secrets.token_hex(8)}"
        self.port = server_port()
        self._data = directory / "data"
        self._init(directory)
        self._process = ServerProcess(
            self._as_owner(
                self._bin / "postgres", "-D", self._data, "-h", "127.0.0.1", "-p", self.port,
                "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "ssl=on",
                "-c", f"ssl_cert_file={directory / 'cert.pem'}", "-c", f"ssl_key_file={directory / 'key.pem'}",
            ),
            directory / "postgres.log",
            ready=lambda told: "database system is ready to accept connections" in told,
            cwd=directory,
        )  # fmt: skip

    def start(self) -> None:
        self._process.start()

    def stop(self) -> None:
        # INT is PostgreSQL's fast shutdown: TERM waits for the clients
        self._process.stop(signal.SIGINT)

    def uri(self, *, password: str | None = None, ca: Path | None = None, sslmode: str = "verify-full") -> str:
        """SQLAlchemy's URL; without a password by default."""
        user = self.username if password is None else f"{self.username}:{password}"
        root = f"&sslrootcert={ca or self.certificates.ca}" if sslmode.startswith("verify") else ""
        return f"postgresql+psycopg2://{user}@localhost:{self.port}/{self.database}?sslmode={sslmode}{root}"

    def _init(self, directory: Path) -> None:
        for name in ("cert", "key"):
            (directory / f"{name}.pem").write_bytes(getattr(self.certificates, name).read_bytes())
            (directory / f"{name}.pem").chmod(0o600)
        (directory / "password").write_text(self.password)
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            for path in (directory, *directory.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", self._data, "-U", self.username, f"--pwfile={directory / 'password'}",
            "--auth=scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        single = self._as_owner(self._bin / "postgres", "--single", "-D", self._data, "postgres")
        subprocess.run(
            single,
            input=f"create database {self.database}\n",
            text=True,
            cwd=directory,
            capture_output=True,
            check=True,
        )
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")

    def _run(self, program: str, *arguments: object) -> None:
        command = self._as_owner(self._bin / program, *arguments)
        done = subprocess.run(command, cwd=self._data.parent, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @staticmethod
    def _as_owner(program: Path, *arguments: object) -> Sequence[str]:
        command = [str(program), *map(str, arguments)]
        # PostgreSQL refuses to run as root; setpriv, unlike runuser, becomes the command, so its id is the server's
        if os.getuid() == 0:
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        return command


@contextmanager
def postgres_server(certificates: Certificates) -> Iterator[PostgresServer]:
    """A running server over a new folder of its own, which its owner can reach (pytest's are its user's alone)."""
    directory = Path(mkdtemp(prefix="showrunner-postgres-"))
    server: PostgresServer | None = None
    try:
        server = PostgresServer(directory, certificates)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(directory)
