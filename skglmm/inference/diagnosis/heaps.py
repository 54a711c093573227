"""Heaps: several responses that are exactly equal, next to an end of the support.

Zeros that somebody moved to 0.0001 before the fit look like that. Rounding makes equal responses,
too, so a heap is one that rounding does not explain: equal responses among others that are all
different, off the steps in which the others were recorded, or far more of them than the model
expects there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc

from skglmm.arrays import Bools, Floats, Ints
from skglmm.inference.residuals.drawn import Drawn

__all__ = ["Heap", "heaps"]

LEAST = 3  # equal responses that make a heap
NEAR = 0.01 + 1e-9  # of the width of the support: farther from an end, nobody moves responses
FEW = 4  # different responses beside the heap, at the least, that show how they were recorded
ALIKE = 1.1  # responses of one value, on average, where they were not rounded
RESOLUTION = 1e-6  # of the width: the finest steps that are looked for
ROUNDING = 1e-9  # of the width: differences that are none
LOOKED_AT = 1000  # different responses of which steps are the common measure
BETWEEN = 0.2  # of a step: what lies nearer to the end was not recorded in these steps
RARE = 1e-5  # p-value of as many responses as are in the heap
MANY = 3.0  # times as many as the model expects


@dataclass(frozen=True, eq=False)
class Heap:
    """Equal responses next to an end of the support.

    Parameters
    ----------
    end : float
        The end of the support.
    value : float
        The response, on the family's own scale.
    following : float
        The next response, on the way into the support.
    expected : float
        How many responses the model expects between the end and half the way to the next.
    rows : ndarray of bool, shape (n,)
        Which responses they are.
    """

    end: float
    value: float
    following: float
    expected: float
    rows: Bools

    @property
    def count(self) -> int:
        """How many responses are in the heap."""
        return int(np.count_nonzero(self.rows))


def heaps(rows: Drawn) -> Iterator[Heap]:
    """Find the heaps at the finite ends of the support.

    Parameters
    ----------
    rows : Drawn, n rows
        Given drawn effects; responses on an end that has a probability are no heap.
    """
    if rows.family.support.is_discrete:  # whose responses are equal anyway
        return
    low, high = rows.family.support.ends
    width = high - low if np.isfinite(high - low) else 1.0
    inside = (rows.y > low) & (rows.y < high)
    for end in (low, high):
        if np.isfinite(end) and inside.any():
            at = np.abs(rows.y - end) / width
            values, counts = np.unique(at[inside], return_counts=True)
            for place in _places(values, counts):
                here = values[place]
                heap = _heap(rows, end, inside & (at == here), inside & (at > here))
                if _is_odd(values, counts, place) or _is_too_large(rows, heap, counts):
                    yield heap
                    break


def _places(distances: Floats, counts: Ints) -> list[int]:
    """Which distances from an end may be those of a heap: the least, and the commonest near it."""
    n_near = int(np.searchsorted(distances, NEAR, side="right"))
    if not n_near or len(distances) <= FEW:
        return []
    places = {0, int(np.argmax(counts[:n_near]))} - {len(distances) - 1}
    return sorted(place for place in places if counts[place] >= LEAST)


def _heap(rows: Drawn, end: float, mine: Bools, beyond: Bools) -> Heap:
    """The responses at one distance from an end, among others that are farther from it."""
    value = float(rows.y[mine][0])
    far = rows.y[beyond]
    following = float(far.min() if end < value else far.max())
    edges = np.sort([end, 0.5 * (value + following)])
    if end > value:  # the end itself does not count, whatever its probability
        edges[1] = np.nextafter(end, -np.inf)
    below, above = (rows.family.cdf(np.full(len(rows.y), edge), rows.eta) for edge in edges)
    return Heap(end, value, following, float(np.sum(above - below)), mine)


def _is_odd(distances: Floats, counts: Ints, place: int) -> bool:
    """Whether the responses of the heap were recorded otherwise than the rest."""
    others = np.delete(distances, place)
    step = _step(others)
    if not step:
        return bool(np.delete(counts, place).mean() < ALIKE)
    return bool(distances[place] < BETWEEN * step)


def _step(distances: Floats) -> float:
    """The step in which increasing distances were recorded, their common measure; 0 for none."""
    step = 0.0
    for difference in np.diff(distances[:LOOKED_AT]):
        step, rest = float(difference), step
        while rest > ROUNDING:
            step, rest = rest, abs(step - rest * round(step / rest))
        if step < RESOLUTION:
            return 0.0
    return step


def _is_too_large(rows: Drawn, heap: Heap, counts: Ints) -> bool:
    """Whether the model expects far fewer, where responses are as often alike as the others."""
    alike = (counts.sum() - heap.count) / (len(counts) - 1)
    expected = heap.expected / alike
    count, n = (int(np.ceil(size / alike)) for size in (heap.count, len(rows.y)))
    return bool(count > MANY * expected and bdtrc(count - 1, n, min(expected / n, 1.0)) < RARE)
