"""Items as features: the item itself, its genres, media type and decade; so that a new item starts from its kind."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse


def item_features(items: pa.Table) -> sparse.csr_matrix:
    """(n, n + f) float32: the identity, then one column for each genre, media type and decade there is.

    A row's genres share a weight of one, so that an item of three is not pulled three times as far.

    Args:
        items: ITEM_SCHEMA, n rows.
    """
    n = items.num_rows
    genres = items["genres"].combine_chunks()
    rows = pc.list_parent_indices(genres).to_numpy(zero_copy_only=False)
    per_item = np.maximum(np.bincount(rows, minlength=n), 1)
    blocks = [
        sparse.identity(n, dtype=np.float32, format="csr"),
        _one_hot(rows, pc.list_flatten(genres), n, (1 / per_item[rows]).astype(np.float32)),
        _one_hot(np.arange(n), items["media_type"].combine_chunks(), n),
        _one_hot(np.arange(n), pc.divide(items["release_year"].combine_chunks(), 10), n),
    ]
    return sparse.hstack(blocks, format="csr", dtype=np.float32)


def _one_hot(rows: np.ndarray, values: pa.Array, n: int, weights: np.ndarray | None = None) -> sparse.csr_matrix:
    """(n, distinct values) with a weight (1 by default) where row `rows[k]` has `values[k]`; nulls have no column."""
    encoded = values.dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    present = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    data = np.ones(len(rows), np.float32) if weights is None else weights
    shape = (n, max(len(encoded.dictionary), 1))
    return sparse.csr_matrix((data[present], (rows[present], codes[present].astype(np.int64))), shape=shape)
