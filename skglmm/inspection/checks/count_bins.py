"""Bins of counts: single ones as far as they are few, and wider ones where they go far."""

from collections.abc import Callable

import numpy as np

from skglmm.arrays import Floats

__all__ = ["bin_labels", "bin_starts"]

MOST_COUNT = 2.0**53  # whole numbers beyond are not told from their neighbors
RARE = 1.0  # expected rows above the last bin but one
CROWDED = 0.5  # share of the rows in one of many bins: they are better of growing widths
NICE = (1.0, 2.0, 5.0, 10.0)


def bin_starts(above: Callable[[float], float], low: float, most: int) -> Floats:
    """Choose the least count of each of at most so many bins; the last has all larger counts.

    The smallest possible count, the zeros, is a bin by itself.

    Parameters
    ----------
    above : callable
        From a count to the expected number of rows with larger ones.
    low : float
        The smallest possible count.
    most : int
    """
    top = _last(above, low)
    if top + 1.0 - low < most:
        return np.arange(low, top + 2.0)
    inner = max(1, most - 2)  # beside the zeros and what is beyond
    width = _nice((top - low) / inner)
    first = low + 1.0
    share = (above(low) - above(first + width - 1.0)) / max(above(low), RARE)
    if width > 1.0 and share > CROWDED:
        grown = np.unique(np.round(np.geomspace(1.0, top - low + 1.0, inner + 1)))
        starts = low + grown
    else:
        starts = np.arange(first, top + width + 1.0, width)
    return np.concatenate([[low], starts])[:most]


def bin_labels(starts: Floats, most: float) -> list[str]:
    """Return the names of bins, (m,), from the least count of each, such as 3, 5-9 and 30+.

    Parameters
    ----------
    starts : ndarray, shape (m,)
    most : float
        The largest possible count.
    """
    ends = starts[1:] - 1.0
    texts = [
        f"{start:.0f}" if start == end else f"{start:.0f}-{end:.0f}"
        for start, end in zip(starts, ends, strict=False)
    ]
    return [*texts, f"{starts[-1]:.0f}{'+' * bool(starts[-1] < most)}"]


def _last(above: Callable[[float], float], low: float) -> float:
    """Return the least count above which less than one row is expected."""
    step, beyond = 1.0, low
    while above(beyond) >= RARE and beyond < MOST_COUNT:
        beyond, step = beyond + step, 2.0 * step
    below = low - 1.0 if beyond == low else beyond - 0.5 * step
    while beyond - below > 1.0:
        middle = np.floor(0.5 * (below + beyond))
        if above(float(middle)) >= RARE:
            below = middle
        else:
            beyond = middle
    return float(beyond)


def _nice(width: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, ... that is no less."""
    unit = 10.0 ** np.floor(np.log10(max(width, 1.0)))
    return float(next(unit * nice for nice in NICE if unit * nice >= width))
