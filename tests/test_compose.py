"""`compose.yaml` and the `.env` that goes with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.settings import ConnectSettings
from runtime.settings import KafkaSettings, LakeSettings, StoreSettings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    subprocess.run([sys.executable, str(ROOT / "scripts" / "stack_env.py"), str(path)], check=True, capture_output=True)
    return path


def values(path: Path) -> dict[str, str]:
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_the_env_file_has_passwords_of_its_own_and_is_its_owners(env_file: Path, tmp_path: Path) -> None:
    assert env_file.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other.env"
    subprocess.run([sys.executable, str(ROOT / "scripts" / "stack_env.py"), str(other)], check=True)
    secret = ("STORE_ACCESS_KEY", "STORE_SECRET_KEY", "LAKE_CATALOG_PASSWORD")
    assert all(values(env_file)[name] != values(other)[name] and len(values(other)[name]) >= 20 for name in secret)


def test_an_existing_env_file_is_never_overwritten(env_file: Path) -> None:
    before = env_file.read_text()
    subprocess.run([sys.executable, str(ROOT / "scripts" / "stack_env.py"), str(env_file)], check=True)
    assert env_file.read_text() == before


def test_the_env_file_is_the_rooms_settings(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in values(env_file).items():
        monkeypatch.setenv(name, value)
    settings = (StoreSettings(), KafkaSettings(), LakeSettings(), ConnectSettings())
    assert settings[0].url == "s3://showrunner"
    names = {f"{s.model_config['env_prefix']}{field.upper()}" for s in settings for field in type(s).model_fields}
    assert set(values(env_file)) <= names


def test_no_password_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text()
    wanted = re.findall(r"(?:PASSWORD|SECRET_KEY|ACCESS_KEY|_USER): (\$\{.*)", text)
    assert len(wanted) >= 5
    assert all(":?" in value for value in wanted)


def test_every_server_has_a_health_check_a_volume_where_it_keeps_data_and_local_ports() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"], name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
    kept = {name for name, service in COMPOSE["services"].items() if service.get("volumes")}
    assert kept == {"kafka", "postgres", "minio"}
    assert set(COMPOSE["volumes"]) == kept


def test_docker_compose_accepts_it(env_file: Path) -> None:
    """`DOCKER_COMPOSE` names the plugin's binary where docker itself does not have it."""
    compose = [binary] if (binary := os.environ.get("DOCKER_COMPOSE")) else ["docker", "compose"]
    if (
        shutil.which(compose[0]) is None
        or subprocess.run([*compose, "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("docker's compose plugin is not here")
    command = [*compose, "--env-file", str(env_file), "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
