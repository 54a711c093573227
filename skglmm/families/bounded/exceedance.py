r"""Integrals over how far a beta reaches beyond the unit interval.

A beta on :math:`(-v, 1 + v)` is :math:`(1 + 2 v) B - v`. The functions of v that have to be
integrated change evenly with its logarithm, and vanish there fast on a double-exponential scale
[1]_, where the trapezoidal rule needs few nodes.

References
----------
.. [1] Takahasi, H. & Mori, M. (1974). Double exponential formulas for numerical integration.
   Publications of the Research Institute for Mathematical Sciences, 9(3), 721-741.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints

__all__ = ["NEGLIGIBLE", "Rule", "below", "exponential", "groups"]

STEP = 0.12  # of the trapezoidal rule where nothing is sharper than a gamma of shape EVEN
EVEN = 30.0
FINEST = 11  # halvings of the square of the step, at most: for shapes up to 60,000
NEGLIGIBLE = 40.0  # logarithm of what may be left out: e^-40
MOST_NODES = 6000
CELLS = 2**17  # rows times nodes at a time


class Rule(NamedTuple):
    """Nodes v, in shapes (m, 1), of an integral over v."""

    log_v: Floats
    log_ratio: Floats  # of the weight to v: both may be far too small for a double
    share: Floats | None = None  # v as a share of the mean of an exponential v

    @property
    def log_weight(self) -> Floats:
        """Logarithm of the weights."""
        return self.log_v + self.log_ratio

    def scaled(self, log_scale: Floats) -> "Rule":
        """Return the rule for longer v, with the same weights."""
        return Rule(self.log_v + log_scale, self.log_ratio - log_scale, self.share)


def groups(kind: Ints, sharpness: Floats) -> Iterator[tuple[Ints, float]]:
    """Yield positions of rows of one kind and alike sharpness, and the step that suits them.

    Parameters
    ----------
    kind : ndarray of int, shape (n,)
    sharpness : ndarray, shape (n,)
        Shape of a gamma distribution whose density bends as fast on the scale of logarithms.
    """
    with np.errstate(divide="ignore"):
        halvings = np.ceil(np.log2(sharpness / EVEN))
    code = np.clip(halvings, 0, FINEST).astype(np.intp) + (FINEST + 1) * kind
    for each in np.unique(code):
        rows, step = np.flatnonzero(code == each), STEP * 2.0 ** (-0.5 * (each % (FINEST + 1)))
        size = max(1, int(CELLS * step / 12.0))  # rules have about 12 / step nodes
        for start in range(0, len(rows), size):
            yield rows[start : start + size], step


def exponential(step: float, least: float, most: float) -> Rule:
    """Return a rule for an integral over an exponential v, weighted with its density.

    Parameters
    ----------
    step : float
    least : float
        Power of v with which what is integrated vanishes at 0, at least.
    most : float
        Power of v with which it grows, at most.

    Returns
    -------
    Rule
        For the mean 1.
    """
    low = -2.0 * np.log(NEGLIGIBLE / min(least, 1.0))
    high = np.log(NEGLIGIBLE + most + 12.0 * np.sqrt(most))
    step = max(step, (high - low) / MOST_NODES)
    t = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1.0)
    far = np.exp(-0.5 * t)
    log_v = t - far
    v = np.exp(log_v)
    log_ratio = np.log1p(0.5 * far) + np.log(step) - v
    return Rule(*(each[:, None] for each in (log_v, log_ratio, v)))


def below(end: float, step: float, least: float) -> Rule:
    """Return a rule for an integral from 0 to `end`; `least` as in `exponential`."""
    low, high = np.arcsinh(NEGLIGIBLE / np.pi / min(least, 1.0)), np.arcsinh(NEGLIGIBLE / np.pi)
    step = step / np.pi  # which moves v as far as a step of the other rule does
    t = step * np.arange(-np.ceil(low / step), np.ceil(high / step) + 1.0)
    x = np.pi * np.sinh(t)
    left, right = np.logaddexp(0.0, -x), np.logaddexp(0.0, x)
    log_ratio = np.log(np.pi * np.cosh(t)) + np.log(step) - right
    return Rule((np.log(end) - left)[:, None], log_ratio[:, None])
