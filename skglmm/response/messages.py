"""How many of some numbers are wrong, and which, in words."""

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["some_of", "told"]

SHOWN = 3  # values that a message lists


def told(flags: Bools) -> str:
    """Return how many are flagged: "1 of 20 is", "3 of 20 are"."""
    count = int(np.count_nonzero(flags))
    return f"{count} of {len(flags)} {'is' if count == 1 else 'are'}"


def some_of(values: Floats) -> str:
    """Return the first of some values."""
    more = ", ..." if len(values) > SHOWN else ""
    return ", ".join(f"{value:.6g}" for value in values[:SHOWN]) + more
