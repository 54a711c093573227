"""Fingerprints of rows that do not depend on their order."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats, Ints, slices

__all__ = ["CACHE_ROWS", "Digest", "Words", "digest", "row_digest", "row_words", "scattered"]

Words = NDArray[np.uint64]
CACHE_ROWS = 32_768  # whose words stay in the second-level cache
_WRAP = 2**64  # unsigned words of 64 bits
_ODD = np.uint64(0x9E3779B97F4A7C15)  # that of SplitMix64, so that zeros do not stay zeros


@dataclass(frozen=True)
class Digest:
    """Fingerprint of some rows; the sum of two is that of all their rows.

    Parameters
    ----------
    part, whole : tuple of (int, int)
        Sum and exclusive or of one word for each row, of a part of it and of all of it.
    """

    part: tuple[int, int]
    whole: tuple[int, int]

    def __add__(self, other: "Digest") -> "Digest":
        return Digest(_together(self.part, other.part), _together(self.whole, other.whole))

    def __str__(self) -> str:
        """Return 32 hexadecimal digits for the part, a dash, and 32 for all of it."""
        return "-".join(f"{total:016x}{both:016x}" for total, both in (self.part, self.whole))


def digest(y: Floats, weights: Floats | None, log_jacobian: float) -> Digest:
    """Return the fingerprint of responses, and of these with their weights and scale.

    Parameters
    ----------
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    log_jacobian : float
        Of all rows; its last digits, which depend on their order, do not count.
    """
    scale = np.array([float(f"{log_jacobian:.9e}") + 0.0]).view(np.uint64)  # never minus zero
    parts = slices(len(y), CACHE_ROWS)
    return _total(_digest(y[part], _cut(weights, part), scale) for part in parts)


def _digest(y: Floats, weights: Floats | None, scale: Words) -> Digest:
    responses = row_words(y, None)
    words = responses if weights is None else row_words(y, weights)
    return Digest(_shuffled(responses), _shuffled(_mix(words + scale)))


def row_digest(columns: Iterable[Floats | Ints], y: Floats, weights: Floats | None) -> Digest:
    """Return the fingerprint of columns, and of these with the responses that they belong to.

    Parameters
    ----------
    columns : iterable of ndarray, each of shape (n,)
        Codes, or numbers, of which the digits of single precision count: columns that were
        stored in it, or computed again, have the same fingerprint.
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    """
    known, parts = list(columns), slices(len(y), CACHE_ROWS)
    return _total(
        _row_digest([column[part] for column in known], y[part], _cut(weights, part))
        for part in parts
    )


def _row_digest(columns: Iterable[Floats | Ints], y: Floats, weights: Floats | None) -> Digest:
    words = np.zeros(len(y), dtype=np.uint64)
    for column in columns:
        with np.errstate(over="ignore"):
            single = column.astype(np.float32) + np.float32(0.0)  # never minus zero
        digits = column if column.dtype.kind == "i" else single.view(np.uint32)
        words = _mix(words + digits.astype(np.uint64) + _ODD)
    return Digest(_shuffled(words), _shuffled(_mix(words + row_words(y, weights))))


def row_words(y: Floats, weights: Floats | None) -> Words:
    """Return a number for each row, (n,), that looks random and depends on y and weight alone.

    Parameters
    ----------
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    """
    words = scattered(np.ascontiguousarray(y).view(np.uint64))
    if weights is None:
        return words
    return _mix(words + np.ascontiguousarray(weights).view(np.uint64))


def scattered(words: Words) -> Words:
    """Return numbers that look random in place of others, (n,): SplitMix64."""
    return _mix(words + _ODD)


def _mix(words: Words) -> Words:
    """Scatter the bits of 64-bit words, (n,), in place: the finalizer of SplitMix64."""
    for part in slices(len(words), CACHE_ROWS):
        piece = words[part]
        piece ^= piece >> np.uint64(30)
        piece *= np.uint64(0xBF58476D1CE4E5B9)
        piece ^= piece >> np.uint64(27)
        piece *= np.uint64(0x94D049BB133111EB)
        piece ^= piece >> np.uint64(31)
    return words


def _cut(weights: Floats | None, part: slice) -> Floats | None:
    return None if weights is None else weights[part]


def _total(digests: Iterable[Digest]) -> Digest:
    """Return the digest of the rows of all parts, which may be none."""
    return sum(digests, start=Digest((0, 0), (0, 0)))


def _shuffled(words: Words) -> tuple[int, int]:
    """Return what depends on the words in any order."""
    return int(words.sum(dtype=np.uint64)), int(np.bitwise_xor.reduce(words))


def _together(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return (one[0] + other[0]) % _WRAP, one[1] ^ other[1]
