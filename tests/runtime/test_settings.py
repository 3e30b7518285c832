from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings import KafkaSettings, LakeSettings, ProcessSettings, StoreSettings, load


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("STORE_URL", raising=False)
    with pytest.raises(SystemExit) as stopped:
        load(StoreSettings)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: STORE_URL: is not set\n"


def test_what_is_wrong_is_named_and_its_value_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAKE_CATALOG_URI", "postgresql://lake:hunter2@db/lake")
    monkeypatch.setenv("LAKE_WAREHOUSE", "ftp://hunter3")
    with pytest.raises(SystemExit):
        load(LakeSettings)
    told = capsys.readouterr().err
    assert told.startswith("error: LAKE_WAREHOUSE: ")
    assert told.count("\n") == 1
    assert "hunter" not in told


def test_secrets_do_not_show() -> None:
    store = StoreSettings.model_validate({"url": "s3://b", "access_key": "AK", "secret_key": "hunter2"})
    lake = LakeSettings.model_validate({"catalog_uri": "postgresql://u:hunter2@h/d", "warehouse": "s3://b/w"})
    assert "hunter2" not in f"{store!r}{lake!r}"


def test_a_command_lines_word_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "from-environment:9092")
    monkeypatch.setenv("KAFKA_SCHEMA_REGISTRY_URL", "http://registry")
    settings = load(KafkaSettings, bootstrap_servers="from-option:9092", schema_registry_url=None)
    assert settings.bootstrap_servers == "from-option:9092"
    assert settings.schema_registry_url == "http://registry"


def test_what_must_come_together_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9093")
    monkeypatch.setenv("KAFKA_SCHEMA_REGISTRY_URL", "http://registry")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SystemExit):
        load(KafkaSettings)
    assert capsys.readouterr().err == (
        "error: KAFKA_SECURITY_PROTOCOL=SASL_SSL needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD\n"
    )


class TestSecretsDirectory:
    """SETTINGS_SECRETS_DIR: files in place of environment variables."""

    @pytest.fixture(autouse=True)
    def store(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("STORE_URL", "s3://bucket")
        monkeypatch.setenv("SETTINGS_SECRETS_DIR", str(tmp_path))

    @pytest.mark.parametrize("name", ["STORE_SECRET_KEY", "store_secret_key"])
    def test_a_file_has_what_the_environment_has_not(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("hunter2\n")
        secret = load(StoreSettings).secret_key
        assert secret is not None
        assert secret.get_secret_value() == "hunter2"

    def test_the_environment_wins(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "STORE_REGION").write_text("from-file")
        assert load(StoreSettings).region == "from-file"
        monkeypatch.setenv("STORE_REGION", "from-environment")
        assert load(StoreSettings).region == "from-environment"

    def test_files_may_be_links_as_kubernetes_mounts_them(self, tmp_path: Path) -> None:
        (tmp_path / "..2026_05_04").mkdir()
        (tmp_path / "..2026_05_04" / "STORE_REGION").write_text("mounted")
        (tmp_path / "..data").symlink_to("..2026_05_04")
        (tmp_path / "STORE_REGION").symlink_to("..data/STORE_REGION")
        assert load(StoreSettings).region == "mounted"

    def test_a_directory_that_is_not_there_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("SETTINGS_SECRETS_DIR", str(tmp_path / "nowhere"))
        with pytest.raises(SystemExit):
            load(StoreSettings)
        assert capsys.readouterr().err == f"error: SETTINGS_SECRETS_DIR: {tmp_path}/nowhere is no directory\n"

    def test_a_file_that_is_no_text_is_not_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "STORE_SECRET_KEY").write_bytes(b"hunter2\xff")
        with pytest.raises(SystemExit):
            load(StoreSettings)
        told = capsys.readouterr().err
        assert told.startswith('error: STORE_*: error getting value for field "secret_key"')
        assert "hunter2" not in told
        assert told.count("\n") == 1

    def test_a_wrong_value_is_named_and_not_told(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "STORE_ENDPOINT").write_text("hunter2")
        with pytest.raises(SystemExit):
            load(StoreSettings)
        told = capsys.readouterr().err
        assert told.startswith("error: STORE_ENDPOINT: ")
        assert "hunter2" not in told


def test_a_password_in_the_registrys_url_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9093")
    monkeypatch.setenv("KAFKA_SCHEMA_REGISTRY_URL", "https://me:hunter2@registry")
    with pytest.raises(SystemExit):
        load(KafkaSettings)
    told = capsys.readouterr().err
    assert told.startswith("error: KAFKA_SCHEMA_REGISTRY_URL: ")
    assert "hunter2" not in told


@pytest.mark.parametrize(("name", "value"), [("PROCESS_LOG_LEVEL", "loud"), ("PROCESS_METRICS_PORT", "99999")])
def test_values_out_of_range_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(ProcessSettings)
    assert capsys.readouterr().err.startswith(f"error: {name}: ")
