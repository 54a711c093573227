r"""Limits of a normal number that hold a point, which need not be its mean.

A group that fit has not seen has a mean of its own, which is normal on the scale of a link, while
its prediction averages over groups: the average of a curved link is not in the middle, and lies
outside of limits with equal tails where these are close. The limits

.. math::  [\Phi^{-1}(p), \Phi^{-1}(p + level)]

have the same coverage for every :math:`p \le 1 - level`: equal tails are the choice, but for a
point outside of them, which becomes the end of its side.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

from skglmm.arrays import Floats
from skglmm.inference.parameters.wald import half_width

__all__ = ["normal_limits"]


def normal_limits(center: Floats, spread: Floats, point: Floats, level: float) -> Iterator[Floats]:
    """Yield the lower and the upper limits of normal numbers, of the shape of `center`.

    Parameters
    ----------
    center, spread : ndarray
        Means and standard deviations; NaN limits where a standard deviation is NaN.
    point : ndarray
        What the limits have to hold; infinite points are ends.
    level : float
        Coverage, such as 0.95.

    Examples
    --------
    >>> zero, one = np.zeros(2), np.ones(2)
    >>> lower, upper = normal_limits(zero, one, np.array([0.1, 0.5]), 0.2)
    >>> lower.round(3), upper.round(3)
    (array([-0.253, -0.021]), array([0.253, 0.5  ]))
    """
    z = half_width(level)
    with np.errstate(invalid="ignore", divide="ignore"):
        place = (point - center) / spread  # NaN where both are 0, which is neither below nor above
        below, above = place < -z, place > z
        lower = np.where(above, -ndtri(np.minimum(ndtr(-place) + level, 1.0)), -z)
        upper = np.where(below, ndtri(np.minimum(ndtr(place) + level, 1.0)), z)
    yield np.where(below, point, center + lower * spread)
    yield np.where(above, point, center + upper * spread)
