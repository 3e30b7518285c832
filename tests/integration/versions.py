"""Print which real servers the tests run against: `python -m tests.integration.versions`."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text


def main() -> None:
    software = Path(os.environ["REALSTACK_DIR"]) / "sw"
    engine = create_engine(os.environ["ICEBERG_CATALOG_URI"])
    with engine.connect() as connection:
        postgres = connection.execute(text("select version()")).scalar_one()
    engine.dispose()
    jars = {path.name for path in software.rglob("*.jar")}
    gateway = subprocess.run(
        ["go", "version", "-m", software / "bin" / "versitygw"], capture_output=True, text=True, check=True
    )
    told = {
        "Kafka": _jar(jars, "kafka-clients-"),
        "Kafka Connect": _get(os.environ["CONNECT_URL"])["version"],
        "Iceberg sink": _jar(jars, "iceberg-kafka-connect-1"),
        "registry": "Apicurio " + _get(f"{os.environ['APICURIO_URL']}/system/info")["version"],
        "PostgreSQL": postgres.split(",")[0],
        "S3": " ".join(next(line for line in gateway.stdout.splitlines() if "\tmod\t" in line).split()[1:3]),
    }
    for name, version in told.items():
        print(f"real server: {name}: {version}")  # noqa: T201 - that is what it is for


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def _jar(jars: set[str], prefix: str) -> str:
    return ", ".join(sorted(jar.removesuffix(".jar") for jar in jars if jar.startswith(prefix)))


if __name__ == "__main__":
    main()
