#!/bin/sh
# Make .venv from the system's Python, with uv where it is there and venv + pip where not.
# Prints one clear line and stops where something of the machine is missing.
set -eu
cd "$(dirname "$0")/.."
die() { echo "install: $*" >&2; exit 1; }

usable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }
python=""
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null 2>&1 && usable "$candidate"; then python=$candidate; break; fi
done
[ -n "$python" ] || die "Python 3.11, 3.12 or 3.13 is needed and none is on PATH (or name one: make PYTHON=/path/to/python3)"

# rectools-lightfm has no wheel: it is compiled here
cc=${CC:-cc}
command -v "${cc%% *}" >/dev/null 2>&1 || die "a C compiler is needed to build LightFM: install gcc (Debian: apt-get install build-essential)"
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
[ -f "$header" ] || die "Python's headers are needed to build LightFM and $header is missing: install them (Debian: apt-get install python3-dev)"

if command -v uv >/dev/null 2>&1; then
    [ -x .venv/bin/python ] || uv venv --quiet --python "$python" .venv
    uv pip install --quiet --python .venv/bin/python -c constraints.txt -e '.[dev]'
else
    "$python" -c 'import ensurepip' 2>/dev/null || die "this Python has no venv: install it (Debian: apt-get install python3-venv)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
fi
touch .venv/.installed
