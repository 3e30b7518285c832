"""The rooms as processes against servers that want TLS and passwords: they work, or say in one line why not."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts import layout
from runtime.event_table import EventTable, open_catalog
from runtime.object_stores import open_store
from runtime.settings import LakeSettings, StoreSettings
from tests.integration.security.environment import Environment, is_one_line
from tests.integration.servers import Certificates, PostgresServer
from tests.processes import eventually, room

pytestmark = pytest.mark.real

EVENTS = 600
ROOMS = {
    "exporter": ("exporter",),
    "event_generator": ("event_generator", "--limit", str(EVENTS), "--rate", "0"),
    "connectors": ("connectors", "archive"),
    "model_builder": ("model_builder",),
}
SECRET = re.compile(r"_(PASSWORD|SECRET_KEY|ACCESS_KEY)$")


@pytest.fixture
def environment(kafka: Environment, store: Environment, lake: Environment) -> Environment:
    """Everything that any of the rooms reads; logs have all there is."""
    small = {"EXPORTER_ITEMS": "60", "EVENT_GENERATOR_VIEWERS": "40", "MODEL_BUILDER_EPOCHS": "2"}
    return Environment(kafka | store | lake | small | {"PROCESS_LOG_LEVEL": "DEBUG"})


@pytest.fixture(autouse=True)
def told_no_secret(tmp_path: Path, secrets: list[str]) -> Iterator[None]:
    """Whatever a room wrote, at any level."""
    yield
    for log in tmp_path.glob("*.log"):
        assert not [secret for secret in (*secrets, "hunter2") if secret in log.read_text()]


@pytest.fixture
def catalogue(environment: Environment, tmp_path: Path) -> None:
    """The generator waits until there is one."""
    store = open_store(environment.settings(StoreSettings))
    if store.head(layout.CATALOG_CURRENT) is None:
        with room("exporter", environment=environment, log=tmp_path / "catalogue.log") as process:
            assert process.wait(60) == 0


def rows(environment: Environment) -> int:
    with open_catalog(environment.settings(LakeSettings), environment.settings(StoreSettings)) as catalog:
        return EventTable.open(catalog).statistics().rows


def test_the_rooms_work_with_secrets_from_files(environment: Environment, tmp_path: Path) -> None:
    files = tmp_path / "secrets"
    files.mkdir()
    for name in [name for name in environment if SECRET.search(name)]:
        (files / name).write_text(environment[name])
    assert len(list(files.iterdir())) == 5
    mounted = environment.but(SETTINGS_SECRETS_DIR=files, **dict.fromkeys(map(str, (f.name for f in files.iterdir()))))
    before = rows(environment)

    def log(name: str) -> Path:
        return tmp_path / f"{name}.log"

    for name in ("exporter", "event_generator"):
        with room(*ROOMS[name], environment=mounted, log=log(name)) as process:
            assert process.wait(120) == 0, log(name).read_text()
    with room(*ROOMS["connectors"], environment=mounted, log=log("connectors")) as process:
        eventually(lambda: rows(environment) >= before + EVENTS, 60, "the events' arrival in the table")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log("connectors").read_text()
    with room(*ROOMS["model_builder"], environment=mounted, log=log("model_builder")) as process:
        assert process.wait(120) == 0, log("model_builder").read_text()
    assert open_store(environment.settings(StoreSettings)).head(layout.MODELS_CURRENT) is not None


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("name", "wrong", "words"),
    [
        ("connectors", {"KAFKA_SASL_PASSWORD": "hunter2"}, ("KAFKA_SASL_PASSWORD",)),
        ("connectors", {"KAFKA_CA": "other"}, ("KAFKA_CA",)),
        ("connectors", {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, ("KAFKA_SECURITY_PROTOCOL",)),
        ("connectors", {"KAFKA_SCHEMA_REGISTRY_PASSWORD": "hunter2"}, ("KAFKA_SCHEMA_REGISTRY_PASSWORD",)),
        ("connectors", {"LAKE_CATALOG_PASSWORD": "hunter2"}, ("LAKE_CATALOG_PASSWORD",)),
        ("connectors", {"STORE_SECRET_KEY": "hunter2"}, ("STORE_SECRET_KEY",)),
        ("event_generator", {"KAFKA_SASL_PASSWORD": "hunter2"}, ("KAFKA_SASL_PASSWORD",)),
        ("event_generator", {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, ("KAFKA_SECURITY_PROTOCOL",)),
        ("event_generator", {"KAFKA_SCHEMA_REGISTRY_PASSWORD": "hunter2"}, ("KAFKA_SCHEMA_REGISTRY_PASSWORD",)),
        ("event_generator", {"STORE_SECRET_KEY": "hunter2"}, ("STORE_SECRET_KEY",)),
        ("event_generator", {"STORE_CA": "other"}, ("STORE_CA",)),
        ("model_builder", {"LAKE_CATALOG_PASSWORD": "hunter2"}, ("LAKE_CATALOG_PASSWORD",)),
        ("model_builder", {"LAKE_CATALOG_URI": "other"}, ("LAKE_CATALOG_URI", "sslrootcert")),
        ("model_builder", {"STORE_SECRET_KEY": "hunter2"}, ("STORE_SECRET_KEY",)),
        ("exporter", {"STORE_SECRET_KEY": "hunter2"}, ("STORE_SECRET_KEY",)),
        ("exporter", {"STORE_CA": "other"}, ("STORE_CA",)),
    ],
)
def test_a_refused_room_ends_with_one_line(  # noqa: PLR0917
    environment: Environment,
    certificates: Certificates,
    postgres: PostgresServer,
    tmp_path: Path,
    name: str,
    wrong: dict[str, str],
    words: tuple[str, ...],
) -> None:
    other = {"LAKE_CATALOG_URI": postgres.uri(ca=certificates.other_ca)}
    changed = {
        key: other.get(key, certificates.other_ca) if value == "other" else value for key, value in wrong.items()
    }
    log = tmp_path / f"{name}.log"
    with room(*ROOMS[name], environment=environment.but(PROCESS_LOG_LEVEL="INFO", **changed), log=log) as process:
        assert process.wait(60) == 1, log.read_text()
    told = log.read_text()
    complaints = [line for line in told.splitlines() if " INFO " not in line]
    assert len(complaints) == 1, told
    assert is_one_line(complaints[0], " ERROR ", *words)
