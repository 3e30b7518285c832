"""The gate of tests that need a real server: it is named by environment variables, or the test is skipped."""

from __future__ import annotations

import os

import pytest

ENVIRONMENT = dict(os.environ)
"""As it was when the tests began: `forget_own_settings` takes from os.environ what rooms would read."""

_OWN_PREFIXES = (
    "STORE_", "KAFKA_", "LAKE_", "PROCESS_", "EXPORTER_", "EVENT_GENERATOR_", "CONNECTORS_", "MODEL_BUILDER_",
    "RECOMMENDER_", "TOPIC_", "CONNECT_", "SETTINGS_",
)  # fmt: skip


def forget_own_settings() -> None:
    """No test depends on what the shell that runs it has set for the rooms."""
    for name in ENVIRONMENT:
        if name.startswith(_OWN_PREFIXES):
            os.environ.pop(name, None)


def require_env(*names: str) -> dict[str, str]:
    """The values of environment variables that name a real server.

    Where one is missing the test is skipped with the reason, or fails where SHOWRUNNER_REQUIRE_REAL=1 (CI), so that
    nothing is left out by accident.
    """
    missing = [name for name in names if not ENVIRONMENT.get(name)]
    if missing:
        reason = f"needs a real server: {', '.join(missing)} not set"
        if ENVIRONMENT.get("SHOWRUNNER_REQUIRE_REAL") == "1":
            pytest.fail(f"{reason}, and SHOWRUNNER_REQUIRE_REAL=1", pytrace=False)
        pytest.skip(reason)
    return {name: ENVIRONMENT[name] for name in names}
