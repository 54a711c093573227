"""A fingerprint of responses and weights that does not depend on the order of the rows."""

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats

__all__ = ["digest"]

Words = NDArray[np.uint64]


def _mix(words: Words) -> Words:
    """Scatter the bits of 64-bit words: the finalizer of SplitMix64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))


def _shuffled(words: Words) -> str:
    """Return 32 hexadecimal digits of the words in any order."""
    total = int(words.sum(dtype=np.uint64))
    return f"{total:016x}{int(np.bitwise_xor.reduce(words)):016x}"


def digest(y: Floats, weights: Floats | None, log_jacobian: float) -> str:
    """Return 32 hexadecimal digits for y, a dash, and 32 for (y, weight) and the scale of y.

    Parameters
    ----------
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    log_jacobian : float
    """
    responses = words = _mix(
        np.ascontiguousarray(y).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    )
    if weights is not None:
        words = _mix(words + np.ascontiguousarray(weights).view(np.uint64))
    words = _mix(words + np.array([log_jacobian]).view(np.uint64))
    return f"{_shuffled(responses)}-{_shuffled(words)}"
