"""Write .env for `compose.yaml` and for rooms on this machine, with passwords of its own; never over an existing one.

One file for both: `docker compose` reads it, and so does a shell (`set -a; . ./.env; set +a`).
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

TEMPLATE = """\
# Written by `make stack-up`. For `docker compose`, and for rooms on this machine: set -a; . ./.env; set +a
# The servers' passwords; they are kept in the servers' volumes, so a changed one here needs new volumes.
STORE_ACCESS_KEY={access_key}
STORE_SECRET_KEY={secret_key}
LAKE_CATALOG_PASSWORD={catalog_password}

# Where the rooms find them
STORE_URL=s3://showrunner
STORE_ENDPOINT=http://127.0.0.1:9000
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092
KAFKA_SCHEMA_REGISTRY_URL=http://127.0.0.1:8081/apis/ccompat/v7
LAKE_CATALOG_URI=postgresql+psycopg2://showrunner@127.0.0.1:5432/iceberg
LAKE_WAREHOUSE=s3://showrunner/warehouse
CONNECT_URL=http://127.0.0.1:8083

# The same servers as the Connect worker finds them, inside the containers' network
CONNECT_REGISTRY_URL=http://registry:8080/apis/registry/v2
CONNECT_STORE_ENDPOINT=http://minio:9000
CONNECT_LAKE_CATALOG_URI=postgresql+psycopg2://showrunner@postgres:5432/iceberg
"""


def main(path: Path) -> None:
    content = TEMPLATE.format(
        access_key=secrets.token_hex(10),
        secret_key=secrets.token_urlsafe(30),
        catalog_password=secrets.token_urlsafe(30),
    )
    try:
        # readable by its owner only from its first byte on
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    print(f"{path} written: the stack's addresses, and passwords made for it")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(".env"))
