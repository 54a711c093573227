"""Rows of a stretched beta: their shapes, and averages of densities over exceedances."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import LogDensity
from skglmm.families.bounded.beta import Beta
from skglmm.families.bounded.exceedance import Rule
from skglmm.families.calculus.log_sum import log_sum
from skglmm.families.calculus.packing import packed

__all__ = ["StretchedRows", "StretchedShape"]


class StretchedShape(NamedTuple):
    """Parameters of n rows, of full length, and what is asked about them."""

    mu: Floats
    nu: Floats
    phi: Floats
    log_exceedance: Floats | None  # of the mean exceedance, where there is one
    y: Floats | None  # where a density or a cdf is needed; None for moments

    @classmethod
    def of(cls, beta: Beta, eta: Sequence[Floats], y: Floats | None = None) -> "StretchedShape":
        """Return the parameters at linear predictors within reach."""
        mean, precision = beta.jets(eta[:2])
        parts = [mean.value, mean.complement, precision.value, *eta[2:]]
        mu, nu, phi, *further = np.broadcast_arrays(*parts, *([] if y is None else [y]))
        at = None if y is None else further.pop()
        return cls(mu, nu, phi, further[0] if further else None, at)

    @property
    def a(self) -> Floats:
        """The shape of the beta at 0."""
        return self.mu * self.phi

    @property
    def b(self) -> Floats:
        """The shape of the beta at 1."""
        return self.nu * self.phi

    def take(self, at: Ints) -> "StretchedShape":
        """Return some of the rows."""
        scale, y = (None if part is None else part[at] for part in self[3:])
        return StretchedShape(self.mu[at], self.nu[at], self.phi[at], scale, y)


class StretchedRows(NamedTuple):
    """Prepared responses with their shapes."""

    prepared: Floats  # (4, n)
    shape: StretchedShape

    def take(self, at: Ints) -> "StretchedRows":
        """Return some of the rows."""
        return StretchedRows(self.prepared[:, at], self.shape.take(at))

    def average(self, rule: Rule, bound: float | None, order: int) -> LogDensity:
        """Return the log of an average of densities, relative to the beta's at the anchor.

        Derivatives are in mean, precision and, of a rule with shares, in the logarithm of the
        mean exceedance. All responses are at the `bound`, or strictly inside.
        """
        phi, y = self.shape.phi, self.prepared[3]
        v = np.exp(rule.log_v)
        stretch = np.log1p(2.0 * v)
        left = rule.log_v if bound == 0.0 else np.log(y + v)
        right = rule.log_v if bound == 1.0 else np.log((1.0 - y) + v)
        left, right = left - stretch - self.prepared[0], right - stretch - self.prepared[1]
        blend = self.shape.mu * left + self.shape.nu * right
        power = 1.0 if bound is None else 2.0
        jacobian = _weight_by_ends(rule, bound, left, right, stretch, self.prepared)
        exponents = jacobian - power * stretch + phi * blend
        slopes = [phi * (left - right), blend]
        if rule.share is not None:
            slopes.append(np.broadcast_to(rule.share, blend.shape))
        density = log_sum(exponents, slopes, order)
        if density.grad is not None and density.hess is not None:
            _bend(density.grad, density.hess, density.third, phi)
        return density


def _weight_by_ends(
    rule: Rule,
    bound: float | None,
    left: Floats,
    right: Floats,
    stretch: Floats,
    prepared: Floats,
) -> Floats:
    """Return the logarithm of the weight over the ways to both ends.

    On a bound one of the ways is v itself, whose logarithm is huge where shapes are tiny, and
    cancels.
    """
    if bound is None:
        return rule.log_weight - left - right
    near, far = (prepared[0], right) if bound == 0.0 else (prepared[1], left)
    return np.asarray(rule.log_ratio + stretch + near - far)


def _bend(grad: Floats, hess: Floats, third: Floats | None, phi: Floats) -> None:
    r"""Add what the curvature of the exponents contributes to the derivatives.

    An exponent is :math:`\phi (\mu D + c) - v / m`: it is curved in the mean with the precision,
    and in the logarithm of m. The first rows hold the moments of :math:`\phi D`.
    """
    k = len(grad)
    if third is not None:
        third[packed(k, 0, 0, 1)] += 2.0 * hess[packed(k, 0, 0)] / phi
        third[packed(k, 0, 1, 1)] += 2.0 * hess[packed(k, 0, 1)] / phi
    if third is not None and k == 3:
        third[packed(k, 0, 1, 2)] += hess[packed(k, 0, 2)] / phi
        third[packed(k, 0, 2, 2)] -= hess[packed(k, 0, 2)]
        third[packed(k, 1, 2, 2)] -= hess[packed(k, 1, 2)]
        third[packed(k, 2, 2, 2)] += grad[2] - 3.0 * hess[packed(k, 2, 2)]
    hess[packed(k, 0, 1)] += grad[0] / phi
    if k == 3:
        hess[packed(k, 2, 2)] -= grad[2]
