from __future__ import annotations

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


@pytest.mark.parametrize(("name", "value"), [("PROCESS_LOG_LEVEL", "loud"), ("PROCESS_METRICS_PORT", "99999")])
def test_values_out_of_range_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(ProcessSettings)
    assert capsys.readouterr().err.startswith(f"error: {name}: ")
