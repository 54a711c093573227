"""Probabilities of the ends of a real support, and of what lies between them."""

from collections.abc import Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.families import Family

__all__ = ["between_probability", "end_probabilities"]


def end_probabilities(family: Family, eta: Sequence[Floats]) -> Floats:
    """Return P(low end) and P(high end), (2, n), of a family that has parts.

    Parameters
    ----------
    family : Family
        With a real support.
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    found, (low, high) = family.part_probabilities(eta)[[0, -1]], family.support.ends
    found[[low not in family.masses, high not in family.masses]] = 0.0
    return np.asarray(found)


def between_probability(family: Family, eta: Sequence[Floats]) -> Floats:
    """Return the probabilities of responses that are on no end, (n,).

    Parameters
    ----------
    family : Family
        With a real support.
    eta : sequence of ndarray, each of shape (n,) or (1,)
    """
    found = family.part_probabilities(eta)
    has_low = family.support.low in family.masses or len(found) > len(family.masses) + 1
    return np.asarray(found[int(has_low)])
