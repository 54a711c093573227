"""How many of some numbers are wrong, and which, in words."""

from collections.abc import Iterable

import numpy as np

from skglmm.arrays import Bools, Floats

__all__ = ["WHOLE_TO", "refuse_wrong", "some_of", "told"]

WHOLE_TO = 2.0**53  # from here on not every whole number is a float
SHOWN = 3  # values that a message lists


def refuse_wrong(first: str, values: Floats, checks: Iterable[tuple[Bools, str, str]]) -> None:
    """Raise a ValueError for the first check that some values fail.

    Parameters
    ----------
    first : str
        What all values must be.
    values : ndarray, shape (n,)
    checks : iterable of (ndarray of bool, str, str)
        Which values fail, what they are, and what to do.
    """
    for flags, what, advice in checks:
        if flags.any():
            msg = f"{first}; {told(flags)} {what}: {some_of(values[flags])}. {advice}"
            raise ValueError(msg)


def told(flags: Bools) -> str:
    """Return how many are flagged: "1 of 20 is", "3 of 20 are"."""
    count = int(np.count_nonzero(flags))
    return f"{count} of {len(flags)} {'is' if count == 1 else 'are'}"


def some_of(values: Floats) -> str:
    """Return the first of some values."""
    more = ", ..." if len(values) > SHOWN else ""
    return ", ".join(f"{value:.6g}" for value in values[:SHOWN]) + more
