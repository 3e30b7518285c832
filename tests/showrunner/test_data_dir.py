from __future__ import annotations

from pathlib import Path

import pytest

from showrunner.data_dir import DataDir, DataDirBusyError, DataDirError


def test_one_folder_is_one_demos(data_dir: DataDir) -> None:
    busy = pytest.raises(DataDirBusyError, match=r"a demo or an import runs on .*--data-dir")
    with data_dir.locked(), busy, data_dir.locked():
        pass
    with data_dir.locked():
        pass


def test_a_path_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match=r"file cannot be used as a data folder"):
        DataDir.create(tmp_path / "file")


def test_the_environment_has_no_say(data_dir: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_URL", "STORE_ENDPOINT", "LAKE_CATALOG_URI", "LAKE_WAREHOUSE"):
        monkeypatch.setenv(name, "nonsense")
    store, lake = data_dir.settings()
    assert store.url == data_dir.store.as_uri()
    assert store.endpoint.startswith("https://")
    assert lake.catalog_uri.get_secret_value() == f"sqlite:///{data_dir.lake}/catalog.db"
