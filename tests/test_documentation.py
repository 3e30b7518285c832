"""The documents are complete and true: what the code has is in docs/contracts.md, and what documents name exists."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from connectors.archiver import Counts
from connectors.metrics import ArchiverCollector
from connectors.offsets import SUMMARY_KEY
from contracts import events, layout
from contracts.artifact import ARRAY_NAMES, Manifest
from contracts.items import ITEM_SCHEMA
from contracts.pointers import CatalogManifest, CatalogPointer, ModelPointer
from event_generator.metrics import DeliveryCollector
from exporter.metrics import Metrics as ExporterMetrics
from recommender.app import create_app
from recommender.current_model import CurrentModel
from recommender.metrics import Metrics as RecommenderMetrics
from recommender.settings import RecommenderSettings
from runtime.event_stream import Delivery
from runtime.event_table_schema import EVENT_ROW_SCHEMA, EVENT_TABLE_PROPERTIES
from showrunner.cli import app as command_line
from tests.runtime.asgi import Client

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "contracts", "runtime", "exporter", "event_generator", "connectors", "model_builder", "recommender", "showrunner",
)  # fmt: skip
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
CONTRACTS = (ROOT / "docs" / "contracts.md").read_text("utf-8")

RUN = "20260102T030405Z-0123abcd"
SHA256 = "0123456789abcdef" * 4
SAMPLES = {"run": RUN, "model_version": RUN, "sha256": SHA256, "name": "name"}
"""What the functions of contracts.layout are given, by the names of their parameters."""
NOT_KEYS = {"stamp", "version", "is_version"}

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def table_rows(text: str) -> Iterator[list[str]]:
    """Cells of each row of the tables whose first cell is code, without the ticks of that first one."""
    for line in text.splitlines():
        if match := re.fullmatch(r"\| `([^`]+)` \| (.*) \|", line):
            yield [match[1], *(cell.strip() for cell in match[2].split(" | "))]


def code_of(text: str) -> Iterator[str]:
    """Every code span, and every line of the code blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    yield from spans
    for block in blocks:
        yield from block.splitlines()


def module_names() -> Iterator[str]:
    for package in PACKAGES:
        yield package
        path = importlib.import_module(package).__path__
        yield from (found.name for found in pkgutil.walk_packages(path, f"{package}."))


def settings_classes() -> list[type[BaseSettings]]:
    classes: list[type[BaseSettings]] = []
    for name in module_names():
        for _, found in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(found, BaseSettings) and found.__module__ == name:
                classes.append(found)
    return classes


def settings_fields() -> dict[str, FieldInfo]:
    return {
        f"{settings.model_config.get('env_prefix')}{name}".upper(): field
        for settings in settings_classes()
        for name, field in settings.model_fields.items()
    }


SETTINGS = settings_fields()


def shown_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    return f"`{json.dumps(field.default) if isinstance(field.default, bool) else field.default}`"


def object_keys() -> dict[str, str]:
    """`{function or constant: key}`, sample values turned back into placeholders."""
    keys: dict[str, str] = {}
    for name, member in inspect.getmembers(layout):
        if name.isupper() and not name.startswith("_") and isinstance(member, str):
            keys[name] = member
        elif inspect.isfunction(member) and member.__module__ == layout.__name__ and not name.startswith("_"):
            if name in NOT_KEYS:
                continue
            parameters = list(inspect.signature(member).parameters)
            key: str = member(*(SAMPLES[parameter] for parameter in parameters))
            for parameter in parameters:
                key = key.replace(f"/{SAMPLES[parameter]}", f"/<{parameter}>")
            keys[name] = key
    return keys


def model_fields(*models: type[BaseModel]) -> set[str]:
    return {name for model in models for name in model.model_fields}


class Served:
    """The recommender's application over no model, and its registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        metrics = RecommenderMetrics(self.registry)
        self.app = create_app(CurrentModel(), metrics, self.registry, RecommenderSettings())
        self.client = Client(self.app)
        # the HTTP metrics come with the first request
        self.client.get("/health")

    def described(self) -> dict[str, set[str]]:
        """`{"GET /popular": statuses}` of the OpenAPI document."""
        paths: dict[str, dict[str, Any]] = self.app.openapi()["paths"]
        return {
            f"{method.upper()} {path}": set(operation["responses"])
            for path, operations in paths.items()
            for method, operation in operations.items()
        }


@pytest.fixture(scope="module")
def served() -> Served:
    return Served()


def metric_names(registry: CollectorRegistry) -> dict[str, str]:
    """`{name as it is scraped: type}`"""
    return {
        f"{family.name}_total" if family.type == "counter" else family.name: family.type
        for family in registry.collect()
    }


def all_metrics(served: Served) -> dict[str, str]:
    rooms = CollectorRegistry()
    ExporterMetrics(rooms)
    rooms.register(ArchiverCollector(Counts()))
    rooms.register(DeliveryCollector(lambda: Delivery(0, 0, 0), lambda: 0))
    return {**metric_names(rooms), **metric_names(served.registry)}


def documented_metrics() -> dict[str, str]:
    return {row[0]: row[1] for row in table_rows(CONTRACTS) if len(row) == 4 and row[2] in PACKAGES}


class TestContracts:
    def test_the_settings_are_found(self) -> None:
        assert len(settings_classes()) >= 9
        assert {"STORE_URL", "EXPORTER_EVERY", "RECOMMENDER_PORT"} <= SETTINGS.keys()

    @pytest.mark.parametrize("name", sorted(SETTINGS))
    def test_every_setting_is_documented_with_its_default(self, name: str) -> None:
        rows = [row for row in table_rows(CONTRACTS) if row[0] == name]
        assert rows, f"docs/contracts.md: add a row for {name}"
        _, kind, default, meaning = rows[0]
        assert len(rows) == 1, f"{name} is there {len(rows)} times"
        assert default == shown_default(SETTINGS[name])
        assert kind
        assert meaning

    @documents
    def test_no_setting_is_stale(self, document: Path) -> None:
        prefixes = "|".join(sorted({str(settings.model_config.get("env_prefix")) for settings in settings_classes()}))
        named = set(re.findall(rf"(?<![A-Z_])((?:{prefixes})[A-Z][A-Z_]*)", document.read_text("utf-8")))
        assert named <= SETTINGS.keys()

    @pytest.mark.parametrize(("name", "key"), sorted(object_keys().items()))
    def test_every_object_key_is_documented(self, name: str, key: str) -> None:
        assert f"`{key}`" in CONTRACTS or f"/{key}`" in CONTRACTS, f"docs/contracts.md: add {key} (layout.{name})"

    def test_no_object_key_is_stale(self) -> None:
        keys = set(object_keys().values())
        named = {row[0] for row in table_rows(CONTRACTS) if re.match(r"(catalog|models|exporter|imports)/", row[0])}
        assert named
        manifests = {key.replace("<name>", layout.MANIFEST) for key in keys}
        assert named <= keys | manifests

    def test_every_topic_is_documented(self) -> None:
        topics = {
            value
            for name, value in vars(events).items()
            if name.isupper() and isinstance(value, str) and not name.endswith("_AVRO")
        }
        assert events.ENGAGEMENT_EVENTS in topics
        rows = {row[0]: row for row in table_rows(CONTRACTS)}
        assert topics <= rows.keys()
        assert rows[events.ENGAGEMENT_EVENTS][1] == str(events.ENGAGEMENT_PARTITIONS)

    @pytest.mark.parametrize("schema", [events.ENGAGEMENT_EVENT_AVRO, events.RECOMMENDATION_SERVED_AVRO])
    def test_every_field_of_an_event_is_documented(self, schema: str) -> None:
        record = json.loads(schema)
        names = {record["name"], *(field["name"] for field in record["fields"])}
        assert {name for name in names if f"`{name}`" not in CONTRACTS} == set()

    def test_every_event_type_is_documented(self) -> None:
        assert {kind for kind in events.EventType if f"`{kind}`" not in CONTRACTS} == set()

    def test_every_column_is_documented(self) -> None:
        names = {row[0] for row in table_rows(CONTRACTS)}
        assert set(ITEM_SCHEMA.names) <= names
        numbered = re.findall(r"^\| (\d+) \| `(\w+)` \|", CONTRACTS, re.MULTILINE)
        assert [name for _, name in numbered] == EVENT_ROW_SCHEMA.names
        assert [int(number) for number, _ in numbered] == list(range(1, len(EVENT_ROW_SCHEMA) + 1))

    def test_every_property_of_the_table_is_documented(self) -> None:
        rows = {row[0]: row[1] for row in table_rows(CONTRACTS)}
        assert {name: rows.get(name) for name in EVENT_TABLE_PROPERTIES} == {
            name: f"`{value}`" for name, value in EVENT_TABLE_PROPERTIES.items()
        }

    def test_the_archivers_offsets_are_documented(self) -> None:
        assert f"`{SUMMARY_KEY}`" in CONTRACTS

    def test_every_array_is_documented(self) -> None:
        rows = {row[0]: row for row in table_rows(CONTRACTS)}
        assert set(ARRAY_NAMES) <= rows.keys()
        assert {rows[name][1] for name in ARRAY_NAMES} == {"float32", "int64", "int32"}

    def test_every_field_of_manifests_and_pointers_is_documented(self) -> None:
        names = model_fields(Manifest, ModelPointer, CatalogManifest, CatalogPointer)
        assert {name for name in names if f"`{name}`" not in CONTRACTS} == set()

    def test_every_route_is_documented_with_its_statuses(self, served: Served) -> None:
        rows = {row[0]: row for row in table_rows(CONTRACTS)}
        assert {
            route: set(rows[route][-1].split(", ")) if route in rows else "not documented"
            for route in served.described()
        } == served.described()

    def test_no_route_is_stale(self, served: Served) -> None:
        named = {row[0]: row[-1].split(", ") for row in table_rows(CONTRACTS) if re.match(r"[A-Z]+ /", row[0])}
        assert served.described().keys() < named.keys()
        for route, statuses in named.items():
            method, _, path = route.partition(" ")
            answer = served.client.call(method, re.sub(r"[{}]", "", path))
            # over no model: 503 where one is needed, 400 where a body is, and never 404 or 405
            assert answer.status_code in (200, 400, 503)
            assert str(answer.status_code) in statuses

    def test_every_metric_is_documented_with_its_type(self, served: Served) -> None:
        assert documented_metrics() == all_metrics(served)


class TestDocuments:
    @documents
    def test_links_lead_somewhere(self, document: Path) -> None:
        text = document.read_text("utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?://", link):
                continue
            path, _, anchor = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), f"{document.name}: {link}"
            if anchor:
                headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in anchors, f"{document.name}: {link}"

    @documents
    def test_files_that_are_named_exist(self, document: Path) -> None:
        for code in code_of(document.read_text("utf-8")):
            for word in re.findall(
                r"(?<![\w<./:-])[\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|toml|sh|svg|md|txt))(?=[\s,;:`)]|$)", code
            ):
                # folders of the object store and of the demo's data are not files of ours
                if word.startswith(("catalog/", "models/", "mine/")):
                    continue
                found = (ROOT / word).exists() or ("/" not in word and any(ROOT.glob(f"*/{word}")))
                assert found, f"{document.name}: {word}"

    @documents
    def test_make_targets_exist(self, document: Path) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
        used = {
            target
            for code in code_of(document.read_text("utf-8"))
            for target in re.findall(r"^\s*(?:\w+=\S+ )*make ([a-z-]+)", code)
        }
        assert used <= targets

    def test_the_readme_has_every_make_target(self) -> None:
        makefile = (ROOT / "Makefile").read_text("utf-8")
        targets = {f"make {target}" for target in re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE)}
        assert targets <= {row[0] for row in table_rows((ROOT / "README.md").read_text("utf-8"))}

    @documents
    def test_commands_exist(self, document: Path) -> None:
        for code in code_of(document.read_text("utf-8")):
            for words in re.findall(r"(?:^|[\s/])showrunner((?: [\w./=<>-]+)+)", code):
                command: Any = typer.main.get_command(command_line)
                for word in words.split():
                    if word.startswith("--"):
                        options = {option for parameter in command.params for option in parameter.opts}
                        assert word in options, f"{document.name}: {code}"
                    elif hasattr(command, "commands"):
                        assert word in command.commands, f"{document.name}: {code}"
                        command = command.commands[word]

    @documents
    def test_rooms_exist(self, document: Path) -> None:
        for room in re.findall(r"python -m (\w+)", document.read_text("utf-8")):
            assert room == "pytest" or (ROOT / room / "__main__.py").exists()

    @documents
    def test_there_is_no_trailing_space_nor_tab(self, document: Path) -> None:
        assert [
            line for line in document.read_text("utf-8").splitlines() if line != line.rstrip() or "\t" in line
        ] == []

    def test_the_demos_options_are_documented(self) -> None:
        command: Any = typer.main.get_command(command_line)
        demo = command.commands["demo"]
        options = {option for parameter in demo.params for option in parameter.opts} - {"--help"}
        rows = {row[0]: row[1] for row in table_rows((ROOT / "docs" / "demo.md").read_text("utf-8"))}
        assert options <= rows.keys()
        defaults = {parameter.opts[0]: parameter.default for parameter in demo.params}
        shown = {option: rows[option].strip("`") for option in options}
        assert shown == {
            option: f"{default:g}" if isinstance(default, float) else str(default)
            for option, default in defaults.items()
            if option in options
        }

    def test_the_picture_is_xml_with_a_title(self) -> None:
        # our own file
        picture = ET.parse(ROOT / "docs" / "architecture.svg").getroot()
        assert picture.tag == "{http://www.w3.org/2000/svg}svg"
        for name in ("title", "desc"):
            found = picture.find(f"{{http://www.w3.org/2000/svg}}{name}")
            assert found is not None
            assert found.text
            assert found.get("id") in str(picture.get("aria-labelledby")).split()
