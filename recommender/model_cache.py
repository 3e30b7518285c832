"""ModelCache: models of the store as local directories, because arrays are mapped into memory from files."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

from contracts import artifact, layout
from contracts.artifact import ArtifactError, Manifest, Model
from runtime.object_store import ObjectNotFoundError, ObjectStore

_INCOMING: Final = ".incoming-"
_ABANDONED_SECONDS: Final = 3600


class ModelCache:
    """One directory per model_version, there only when it is whole and verified. Processes may share it."""

    def __init__(self, store: ObjectStore, directory: Path) -> None:
        self._store = store
        self._directory = directory

    def fetch(self, model_version: str) -> Model:
        """The model, from the cache where it is there and sound, else from the store.

        Raises:
            ArtifactError: the store does not have it whole, or it is not what its manifest says.
            ObjectStoreError: the store failed.
            OSError: the cache cannot be written.
        """
        target = self._directory / model_version
        if target.is_dir():
            try:
                return _load(target, model_version)
            except ArtifactError:
                shutil.rmtree(target, ignore_errors=True)
        self._directory.mkdir(parents=True, exist_ok=True)
        incoming = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=self._directory))
        try:
            self._download(model_version, incoming)
            # mapped files stay valid when their directory is renamed, or later removed
            model = _load(incoming, model_version)
            try:
                incoming.replace(target)
            except OSError:
                if not target.is_dir():  # else another process was faster, with the same content
                    raise
            return model
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def keep_only(self, model_versions: Collection[str]) -> None:
        """Remove all other models, and downloads that were abandoned."""
        for path in self._directory.iterdir():
            superseded = layout.is_version(path.name) and path.name not in model_versions
            if superseded or _is_abandoned(path):
                shutil.rmtree(path, ignore_errors=True)

    def _download(self, model_version: str, directory: Path) -> None:
        try:
            self._store.download(layout.model_manifest(model_version), directory / layout.MANIFEST)
            manifest = Manifest.from_json((directory / layout.MANIFEST).read_bytes())
            for name in manifest.files:
                self._store.download(layout.model_file(model_version, name), directory / name)
        except ObjectNotFoundError as error:
            raise ArtifactError(f"the store does not have all of it: {error}") from error


def _is_abandoned(path: Path) -> bool:
    try:
        return path.name.startswith(_INCOMING) and path.stat().st_mtime < time.time() - _ABANDONED_SECONDS
    except FileNotFoundError:
        return False  # another process was done with it just now


def _load(directory: Path, model_version: str) -> Model:
    model = artifact.load(directory)
    if model.manifest.model_version != model_version:
        raise ArtifactError(f"manifest.json is that of {model.manifest.model_version}")
    return model
