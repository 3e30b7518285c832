"""A Kafka broker that wants TLS and a password."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.integration.certificates import Certificates
from tests.integration.server_process import START_SECONDS, ServerProcess, server_port
from tests.real import require_env

_CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"
_LOGGING = """\
Configuration:
  status: error
  Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers: {Root: {level: INFO, AppenderRef: {ref: STDOUT}}}
"""


class KafkaBroker:
    """One KRaft node with a listener for each way of speaking; `kill()` and `start()` keep ports and data.

    The user is known as `SCRAM-SHA-512`; topics are not made automatically.
    """

    def __init__(self, directory: Path, certificates: Certificates) -> None:
        software = Path(require_env("REALSTACK_DIR")["REALSTACK_DIR"]) / "sw"
        self.username = "showrunner"
        self.password = f"kafka-secret-{secrets.token_hex(8)}"
        self.ca = certificates.ca
        self.certificates = certificates
        sasl_ssl, ssl, plaintext, self._controller = (server_port() for _ in range(4))
        self.bootstrap_sasl_ssl = f"localhost:{sasl_ssl}"
        self.bootstrap_ssl = f"localhost:{ssl}"
        self.bootstrap_plaintext = f"localhost:{plaintext}"
        directory.mkdir(parents=True, exist_ok=True)
        self._java = [
            "java", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={directory / 'log4j2.yaml'}", "-cp", f"{software}/kafka/*",
        ]  # fmt: skip
        self._properties = directory / "kafka.properties"
        (directory / "log4j2.yaml").write_text(_LOGGING)
        self._properties.write_text(self._configuration(directory))
        self._format()
        self._process = ServerProcess(
            [*self._java, "kafka.Kafka", str(self._properties)],
            directory / "kafka.log",
            ready=lambda told: "Kafka Server started" in told,
        )

    @property
    def log(self) -> Path:
        return self._process.log

    def start(self) -> None:
        self._process.start()

    def kill(self) -> None:
        """SIGKILL, as when the machine is gone."""
        self._process.kill()

    def stop(self) -> None:
        self._process.stop()

    def environment(self) -> dict[str, str]:
        """The `KAFKA_*` settings with which a room speaks SASL_SSL; the registry's are not among them."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_sasl_ssl,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": self.username,
            "KAFKA_SASL_PASSWORD": self.password,
            "KAFKA_CA": str(self.ca),
        }

    def create_topic(self, name: str, partitions: int = 1) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap_plaintext})
        admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)

    def _format(self) -> None:
        user = f"SCRAM-SHA-512=[name={self.username},password={self.password}]"
        done = subprocess.run(
            [*self._java, "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._properties),
             "--add-scram", user],
            capture_output=True, text=True, check=False, timeout=START_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def _configuration(self, directory: Path) -> str:
        keystore = directory / "keystore.pem"
        keystore.write_text(self.certificates.key.read_text() + self.certificates.cert.read_text())
        keystore.chmod(0o600)
        listeners = (
            f"SASL_SSL://{self.bootstrap_sasl_ssl},SSL://{self.bootstrap_ssl},PLAINTEXT://{self.bootstrap_plaintext}"
        )
        return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:{self._controller}
listeners={listeners},CONTROLLER://localhost:{self._controller}
advertised.listeners={listeners}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
log.dirs={directory / "data"}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


@contextmanager
def kafka_broker(directory: Path, certificates: Certificates | None = None) -> Iterator[KafkaBroker]:
    """A running broker over a new folder; 10 s or so to start. Certificates are made where none are given."""
    broker = KafkaBroker(directory, certificates or Certificates.create(directory / "certificates"))
    try:
        broker.start()
        yield broker
    finally:
        # nobody needs its data any more
        broker.kill()
