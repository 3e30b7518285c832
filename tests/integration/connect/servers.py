"""What the sink runs on, as processes of the tests' own: our image's broker and worker without the image, and S3.

The registry and PostgreSQL are realstack's; no test takes those down.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import httpx

from tests.integration.server_process import ServerProcess, listens, server_port
from tests.real import require_env

CONNECTORS: Final = Path(__file__).resolve().parents[3] / "connectors"
ENTRYPOINT: Final = CONNECTORS / "entrypoint.sh"
# small and quick to start: these are for correctness, not for load figures
JVM: Final = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"


def software() -> Path:
    return Path(require_env("REALSTACK_DIR")["REALSTACK_DIR"]) / "sw"


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


class Broker:
    """`entrypoint.sh broker`; `rebuild()` gives a new cluster, with an id of its own, at the same address."""

    def __init__(self, directory: Path) -> None:
        port, controller = server_port(), server_port()
        self.bootstrap_servers = f"127.0.0.1:{port}"
        self._data = directory / "data"
        directory.mkdir(parents=True)
        self._process = ServerProcess(
            [str(ENTRYPOINT), "broker"],
            directory / "broker.log",
            ready=lambda told: "Kafka Server started" in told,
            environment={
                "WORKER_JARS": str(software() / "kafka"),
                "WORKER_TMP": str(directory / "tmp"),
                "JVM_HEAP": "384m",
                "JVM_OPTIONS": JVM,
                "BROKER_DATA_DIR": str(self._data),
                "BROKER_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
                "BROKER_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
                "BROKER_CONTROLLER_PORT": str(controller),
                "BROKER_INTERNAL_PARTITIONS": "1",
            },
        )

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine is gone; the data stays."""
        self._process.kill()

    def rebuild(self) -> None:
        self._process.stop()
        shutil.rmtree(self._data)
        self._process.start()

    def stop(self) -> None:
        self._process.stop()


class S3Server:
    """versitygw over a folder; `kill()` and `start()` keep port, keys and objects."""

    bucket: Final = "lake"

    def __init__(self, directory: Path) -> None:
        port = server_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        self.access_key, self.secret_key = "lake-user", f"s3-secret-{secrets.token_hex(12)}"
        data = directory / "data"
        (data / self.bucket).mkdir(parents=True)
        self._process = ServerProcess(
            [
                str(software() / "bin" / "versitygw"), "--access", self.access_key, "--secret", self.secret_key,
                "--port", f"127.0.0.1:{port}", "--region", "us-east-1", "--quiet", "posix", str(data),
            ],
            directory / "s3.log",
            ready=lambda _: listens(port),
        )  # fmt: skip

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        self._process.kill()


def plugins(directory: Path) -> Path:
    """The image's plugin folders, of realstack's jars and our converter."""
    found = software()
    apicurio = directory / "apicurio"
    apicurio.mkdir(parents=True)
    (directory / "iceberg").symlink_to(found / "plugins" / "iceberg")
    for jar in (found / "plugins" / "apicurio").glob("*.jar"):
        (apicurio / jar.name).symlink_to(jar)
    build = [CONNECTORS / "converter" / "build.sh", found / "kafka", apicurio, apicurio / "showrunner-converter.jar"]
    subprocess.run(build, check=True)
    return directory


class ConnectWorker:
    """`entrypoint.sh connect`, given its secrets by the environment."""

    def __init__(self, directory: Path, bootstrap_servers: str, environment: Mapping[str, str]) -> None:
        port = server_port()
        self.url = f"http://127.0.0.1:{port}"
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "connect.log"
        self.properties = directory / "tmp" / "worker.properties"
        name = f"connect-{secrets.token_hex(4)}"
        self._process = ServerProcess(
            [str(ENTRYPOINT), "connect"],
            self.log,
            ready=lambda _: answers(f"{self.url}/connectors"),
            environment={
                "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
                "WORKER_JARS": str(software() / "kafka"),
                "WORKER_PLUGINS": str(plugins(directory / "plugins")),
                "WORKER_TMP": str(directory / "tmp"),
                "WORKER_GROUP": name,
                "WORKER_TOPIC_PREFIX": name,
                "WORKER_TOPIC_PARTITIONS": "1",
                "WORKER_LISTENERS": self.url,
                "WORKER_ADVERTISED_HOST": "127.0.0.1",
                "JVM_HEAP": "640m",
                "JVM_OPTIONS": JVM,
                **environment,
            },
        )

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine is gone."""
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()


class Registry:
    """Apicurio Registry; it keeps schemas in memory, so a killed one comes back empty."""

    def __init__(self, directory: Path) -> None:
        port = server_port()
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        self.native_url = f"http://127.0.0.1:{port}/apis/registry/v2"
        directory.mkdir(parents=True)
        home = software() / "registry"
        self._process = ServerProcess(
            [
                "java", "-Xmx256m", *JVM.split(), "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}",
                "-jar", str(next(home.glob("apicurio-registry-app-*-runner.jar"))),
            ],
            directory / "registry.log",
            ready=lambda _: answers(f"{self.url}/subjects"),
            cwd=home,
        )  # fmt: skip

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        self._process.kill()


Server = TypeVar("Server", Broker, S3Server, ConnectWorker, Registry)


@contextmanager
def started(server: Server) -> Iterator[Server]:
    """The server, running; killed at the end."""
    try:
        server.start()
        yield server
    finally:
        server.kill()
