"""The order of rows that were read, and which of them are repetitions. Vectorised: tens of millions of rows."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from runtime.event_table_schema import CLUSTER, EVENT_ID, OFFSET, PARTITION, TIMESTAMP, TOPIC

KEYS: Final = (CLUSTER, TOPIC, PARTITION, OFFSET, TIMESTAMP, EVENT_ID)
"""The columns that decide order and repetition."""

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_LAST: Final = np.iinfo(np.int64).max


def distinct_in_order(rows: pa.Table) -> Integers:
    """Row numbers in the order of cluster, topic, partition and offset (nulls last), without repetitions.

    Rows with equal coordinates are one event, and so are rows with equal `event_id`; the one that arrived first
    (`kafka_timestamp`, nulls last) stays. Nulls are equal to nothing.

    Args:
        rows: a table with KEYS.
    """
    sources = _sources(rows)
    known = ~np.any([rows.column(name).is_null().to_numpy() for name in (CLUSTER, TOPIC, PARTITION, OFFSET)], axis=0)
    offsets, arrivals = _integers(rows.column(OFFSET)), _integers(rows.column(TIMESTAMP).cast(pa.int64()))
    order = _sorted(rows, sources, offsets, arrivals)
    sources, offsets, arrivals, known = sources[order], offsets[order], arrivals[order], known[order]
    repeated = np.zeros(len(order), dtype=bool)
    repeated[1:] = (sources[1:] == sources[:-1]) & (offsets[1:] == offsets[:-1]) & known[1:] & known[:-1]
    order, arrivals = order[~repeated], arrivals[~repeated]
    return order[~_repeated_ids(rows.column(EVENT_ID), order, arrivals)]


def _sources(rows: pa.Table) -> Integers:
    """A number for each row's source, ascending with cluster, topic and partition, nulls last."""
    partitions = _integers(rows.column(PARTITION), null=np.iinfo(np.int32).max + 1)
    numbers = np.zeros(rows.num_rows, dtype=np.int64)
    for ranks in (_ranks(rows.column(CLUSTER)), _ranks(rows.column(TOPIC)), partitions):
        if numbers.size == 0 or np.ptp(ranks) == 0:
            continue
        if int(numbers.max() + 1) * int(np.ptp(ranks) + 1) > _LAST:
            numbers = np.unique(numbers, return_inverse=True)[1]
        numbers = numbers * (np.ptp(ranks) + 1) + (ranks - ranks.min())
    return numbers


def _sorted(rows: pa.Table, sources: Integers, offsets: Integers, arrivals: Integers) -> Integers:
    order = np.lexsort((arrivals, offsets, sources))
    ties = (np.diff(sources[order]) == 0) & (np.diff(offsets[order]) == 0) & (np.diff(arrivals[order]) == 0)
    if not ties.any():
        return order
    # without this the order would depend on which file a row happens to be in
    tied = np.flatnonzero(np.append(ties, False) | np.append(False, ties))
    names = np.zeros(len(order), dtype=np.int64)
    names[order[tied]] = _ranks(rows.column(EVENT_ID).take(pa.array(order[tied])))
    return np.lexsort((names, arrivals, offsets, sources))


def _repeated_ids(ids: pa.ChunkedArray, order: Integers, arrivals: Integers) -> Mask:
    """For rows in this order: whether another row with the same id arrived before."""
    hashes = _hashes(ids)[order]
    ascending = np.sort(hashes)
    suspects = ascending[1:][ascending[1:] == ascending[:-1]]
    repeated = np.zeros(len(order), dtype=bool)
    if not suspects.size:
        return repeated
    # equal hashes are few; only they are compared as text, which takes ten times as long
    places = np.flatnonzero(np.isin(hashes, np.unique(suspects)))
    texts = ids.take(pa.array(order[places]))
    places, names = places[texts.is_valid().to_numpy()], _ranks(texts.drop_null())
    first = np.lexsort((places, arrivals[places], names))
    repeated[places[first[1:]]] = np.diff(names[first]) == 0
    return repeated


def _hashes(texts: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each text: equal texts have equal hashes; a null's is its row number, hashed."""
    hashes = np.empty(len(texts), dtype=np.uint64)
    start = 0
    for chunk in filter(len, texts.chunks):
        hashes[start : start + len(chunk)] = _chunk_hashes(chunk.cast(pa.large_string()), start)
        start += len(chunk)
    return hashes


def _chunk_hashes(texts: pa.Array, start: int) -> npt.NDArray[np.uint64]:
    _, bounds, data = texts.buffers()
    edges = np.frombuffer(bounds, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    lengths = np.diff(edges)
    hashes = _mixed(np.arange(start, start + len(texts), dtype=np.uint64))
    valid = texts.is_valid().to_numpy(zero_copy_only=False)
    for length in np.unique(lengths[valid]):
        rows = np.flatnonzero(valid & (lengths == length))
        padded = np.zeros((len(rows), (length + 7) // 8 * 8), dtype=np.uint8)
        padded[:, :length] = content[edges[rows, None] + np.arange(length)]
        hashed = np.full(len(rows), length, dtype=np.uint64)
        for word in padded.view(np.uint64).T:
            hashed = _mixed(hashed ^ word)
        hashes[rows] = hashed
    return hashes


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    # the finaliser of SplitMix64 (Steele, Lea, Flood 2014)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _ranks(texts: Any) -> Integers:
    """Rank of each text among the distinct ones, by its UTF-8 bytes; nulls last."""
    chunked = texts if isinstance(texts, pa.ChunkedArray) else pa.chunked_array([texts])
    encoded = chunked.dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], chunked.type).dictionary_encode()
    by_text = pc.sort_indices(encoded.dictionary).to_numpy()
    ranks = np.empty(len(by_text) + 1, dtype=np.int64)
    ranks[by_text] = np.arange(len(by_text))
    ranks[-1] = len(by_text)
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), len(by_text)).to_numpy(zero_copy_only=False)
    ranked: Integers = ranks[codes]
    return ranked


def _integers(column: pa.ChunkedArray, null: int = _LAST) -> Integers:
    numbers: Integers = pc.fill_null(column.cast(pa.int64()), null).to_numpy()
    return numbers
