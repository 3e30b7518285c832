"""The `event_id` of an imported row: a name-based UUID (version 5, RFC 9562) of where the row came from."""

from __future__ import annotations

import hashlib
from typing import Final
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa

NAMESPACE: Final = UUID("6f1c1f0e-4a52-5c0e-9d5b-2f7d3c9a1b64")
"""Never changes: other ids would make the rows of an import that is repeated look like other events."""

_HEX: Final = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint8).reshape(256, 2)
_GROUPS: Final = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))


def event_ids(cluster: str, topic: str, offsets: npt.NDArray[np.int64]) -> pa.Array:
    """`str(uuid5(NAMESPACE, f"{cluster}/{topic}/0/{offset}"))` of each offset, several times faster.

    Returns:
        (n,) Arrow strings.
    """
    named = hashlib.sha1(NAMESPACE.bytes + f"{cluster}/{topic}/0/".encode(), usedforsecurity=False)
    digests = []
    for offset in offsets.tolist():
        digest = named.copy()
        digest.update(b"%d" % offset)
        digests.append(digest.digest())
    raw = np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 20)[:, :16].copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x50
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = _HEX[raw].reshape(-1, 32)
    text = np.full((len(digits), 36), ord("-"), np.uint8)
    for hyphens, (start, stop) in enumerate(_GROUPS):
        text[:, start + hyphens : stop + hyphens] = digits[:, start:stop]
    bounds = np.arange(0, 36 * len(text) + 1, 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(bounds), pa.py_buffer(text))
