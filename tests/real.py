"""The gate of tests that need a real server: it is named by environment variables, or the test is skipped."""

from __future__ import annotations

import os

import pytest


def require_env(*names: str) -> dict[str, str]:
    """The values of environment variables that name a real server.

    Where one is missing the test is skipped with the reason, or fails where SHOWRUNNER_REQUIRE_REAL=1 (CI), so that
    nothing is left out by accident.
    """
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        reason = f"needs a real server: {', '.join(missing)} not set"
        if os.environ.get("SHOWRUNNER_REQUIRE_REAL") == "1":
            pytest.fail(f"{reason}, and SHOWRUNNER_REQUIRE_REAL=1", pytrace=False)
        pytest.skip(reason)
    return {name: os.environ[name] for name in names}
