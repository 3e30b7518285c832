"""`scripts/install.sh` says in one line what the machine lacks."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def install(folder: Path, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    return subprocess.run(
        ["/bin/sh", str(folder / "scripts" / "install.sh")],
        env={"PATH": path, "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def programs(folder: Path, **scripts: str) -> str:
    """A PATH with just these programs, and those that a shell script cannot do without."""
    folder.mkdir()
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    for name in ("dirname", "touch"):
        (folder / name).symlink_to(shutil.which(name) or "")
    return str(folder)


GOOD_PYTHON = """case "$2" in *Python.h*) echo "$HEADERS/Python.h";; esac"""


@pytest.mark.parametrize(
    ("scripts", "line"),
    [
        ({}, "install: Python 3.11, 3.12 or 3.13 is needed"),
        ({"python3": "exit 1"}, "install: Python 3.11, 3.12 or 3.13 is needed"),
        ({"python3": GOOD_PYTHON}, "install: a C compiler is needed to build LightFM: install gcc"),
        ({"python3": GOOD_PYTHON, "cc": ""}, "install: Python's headers are needed to build LightFM"),
    ],
    ids=["no Python", "an old Python", "no compiler", "no headers"],
)
def test_what_is_missing_is_said_in_one_line(tmp_path: Path, scripts: dict[str, str], line: str) -> None:
    done = install(tmp_path / "clone", programs(tmp_path / "bin", **scripts), HEADERS=str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
