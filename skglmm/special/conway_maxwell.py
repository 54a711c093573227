r"""The Conway-Maxwell-Poisson distribution by its mean: what its log probabilities are made of.

With a base b near the mean, and the excess
:math:`\tau(y) = \log y! - \log\Gamma(b) - (y + 1 - b) \log b` of log factorials over a line, the
log probability of a count is :math:`(y - \mu) \theta + E - \nu \tau(y)`. The tilt :math:`\theta`,
which makes :math:`\mu` the mean, and the level E are smooth functions of :math:`\log\mu` and of
the log dispersion :math:`d = -\log\nu`. Their derivatives follow from the cumulants of y and
:math:`\tau`: of the equation that the mean is :math:`\mu`, by the implicit function theorem.
"""

from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.special.conway_maxwell_far import FAR_FROM, far_terms
from skglmm.special.exp_excess import exp_excess
from skglmm.special.log_gamma import log_gamma_remainder
from skglmm.special.whole_sums import WholeSum, whole_sums

__all__ = [
    "N_TERMS",
    "FactorialBase",
    "Terms",
    "base_of",
    "factorial_excess",
    "is_smooth",
    "solve_terms",
    "stirling_rest",
]

N_TERMS = (2, 5, 9, 14)  # up to each order of derivatives
STEPS = 100  # of Newton's method, with halving; five are usual
CLOSE = 1e-8  # step, in standard deviations of a count, whose square is below rounding
LONGEST = 3.0  # step in the logarithm of a ratio of probabilities
TINY_MEAN = 0.01  # up to which bases are 1, so that no digit of the log probability of 0 is lost
LARGE_NU = 64.0  # from which on distances of counts to a mean between them cost digits
WIDE = 9.0  # variance from which on sums over whole numbers are as good as integrals
NARROW = 2.25  # the variance from which on they do not

Terms = Floats  # (N_TERMS[order], n): tilt and level, and then their further derivatives


class FactorialBase(NamedTuple):
    """Numbers near means, from which log factorials are measured.

    Parameters
    ----------
    value : ndarray, shape (n,)
        One more than the mean, or than a whole number next to it.
    log : ndarray, shape (n,)
        Its logarithm.
    remainder : ndarray, shape (n,)
        What Stirling's formula leaves of its log-gamma function.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import conway_maxwell_terms
    >>> conway_maxwell_terms(np.array([2.0, 0.003]), np.zeros(1), 0)[0].value
    array([3., 1.])
    """

    value: Floats
    log: Floats
    remainder: Floats

    def of(self, rows: Ints) -> "FactorialBase":
        """Return those of some rows."""
        return FactorialBase(*(each[rows] for each in self))


def is_smooth(mean: Floats, log_dispersion: Floats) -> Floats:
    """Return where the base moves with the mean, so that all terms are smooth."""
    wide = (log_dispersion >= -np.log(LARGE_NU)) | (mean * np.exp(log_dispersion) >= NARROW)
    return np.asarray(wide & (mean >= TINY_MEAN))


def base_of(mean: Floats, log_dispersion: Floats) -> FactorialBase:
    """Return one more than the means, or than whole numbers next to them where digits need it.

    Parameters
    ----------
    mean, log_dispersion : ndarray, shape (n,)
    """
    value = np.where(is_smooth(mean, log_dispersion), mean, np.floor(mean)) + 1.0
    return FactorialBase(value, np.log(value), stirling_rest(value - 1.0))


def stirling_rest(y: Floats) -> Floats:
    """Return what Stirling's formula leaves of log factorials.

    Of one number it is to the last digit what it is of many: the probabilities of a row are the
    same in any company.

    Parameters
    ----------
    y : ndarray
        Numbers from 0 on, of any shape.

    Returns
    -------
    ndarray, same shape

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import stirling_rest
    >>> stirling_rest(np.array([0.0, 1e10])).round(15)
    array([8.10614668e-02, 8.33300000e-12])
    """
    return log_gamma_remainder(np.append(y.ravel() + 1.0, 1.0), 0)[0][:-1].reshape(y.shape)


def factorial_excess(y: Floats, remainder: Floats, base: FactorialBase) -> Floats:
    r"""Return the excess of log factorials over a line that touches them nearly at the base.

    Parameters
    ----------
    y : ndarray, shape (n,) or (n, m)
        Counts, or numbers between them.
    remainder : ndarray, same shape
        What Stirling's formula leaves of their log factorials.
    base : FactorialBase
        Of arrays that broadcast to that shape.

    Returns
    -------
    ndarray, same shape
        :math:`\log y! - \log\Gamma(b) - (y + 1 - b) \log b`.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.special import conway_maxwell_terms, factorial_excess, stirling_rest
    >>> base, _ = conway_maxwell_terms(np.array([2.0]), np.zeros(1), 0)
    >>> y = np.array([2.0, 4.0])
    >>> np.exp(factorial_excess(y, stirling_rest(y), base)).round(4)  # 4! / 2! / 3**2
    array([1.    , 1.3333])
    """
    t = np.log1p((y + 1.0 - base.value) / base.value)
    found = (y + 1.0) * exp_excess(-t.ravel()).reshape(t.shape)
    found -= 0.5 * t
    found += remainder - base.remainder
    return np.where(y == base.value, 0.0, found)  # as it is, but for rounding


def solve_terms(mean: Floats, log_dispersion: Floats, base: FactorialBase, order: int) -> Terms:
    r"""Return the tilt and the level of some rows, with what their derivatives need.

    Parameters
    ----------
    mean, log_dispersion : ndarray, shape (n,)
    base : FactorialBase
    order : {0, 1, 2, 3}
        Of the derivatives of a log probability.

    Returns
    -------
    ndarray, shape (N_TERMS[order], n)
        :math:`\theta`, E; from order 1 on their derivatives in d, and
        :math:`b = \mu / \mathrm{Var}(y)`; from order 2 on their second derivatives in d, and with
        :math:`B = \mu b` its derivatives over :math:`\mu`, :math:`B_a` in the log mean a, and
        :math:`B_d`; from order 3 on their third ones, :math:`B_{aa}, B_{ad}, B_{dd}`. In the
        place of :math:`E_{dd}` is :math:`-E_{dd} - E_d`, the expected information of d.
    """
    found = np.empty((N_TERMS[order], len(mean)))
    nu = np.exp(-log_dispersion)
    far = (mean * np.minimum(1.0, nu) >= FAR_FROM) & (mean >= WIDE * nu)
    if far.any():
        found[:, far] = far_terms(mean[far], log_dispersion[far], order)
    near = np.flatnonzero(~far)
    for some, nodes in whole_sums(mean[near], nu[near]):
        rows = near[some]
        here = _SummedRows(mean[rows], log_dispersion[rows], base.of(rows), nodes)
        found[:, rows] = here.terms(order)
    return found


class _SummedRows:
    """Some rows, and the numbers over which they are summed, (m, J)."""

    def __init__(
        self, mean: Floats, log_dispersion: Floats, base: FactorialBase, nodes: WholeSum
    ) -> None:
        self.mean, self.nu, self.base = mean, np.exp(-log_dispersion), base
        self.weights, self.u = nodes.weights, nodes.y - mean[:, None]
        self.idle = nodes.weights == 0.0
        remainder = stirling_rest(nodes.y)
        self.excess = factorial_excess(
            nodes.y, remainder, FactorialBase(*(each[:, None] for each in base))
        )
        self.bent = self.nu[:, None] * self.excess

    def terms(self, order: int) -> Terms:
        tilt, mass, level = self._solved()
        parts = [tilt, level]
        if order >= 1:
            parts += self._derivatives(mass, order)
        return np.stack(parts)

    def _solved(self) -> tuple[Floats, Floats, Floats]:
        """Return tilts that make the means right, probabilities, and levels."""
        tilt = _start(self.mean, self.nu, self.base.log)
        low, high = np.full_like(tilt, -np.inf), np.full_like(tilt, np.inf)
        done = np.zeros(tilt.shape, dtype=np.bool_)  # others' steps move no digit of these
        for _ in range(STEPS):
            mass, _ = self._mass(tilt)
            miss = np.sum(mass * self.u, axis=1)
            square = np.sum(mass * self.u**2, axis=1) - miss**2
            share = np.maximum(miss / self.mean, -1.0 + 1e-15)
            low, high = np.where(miss < 0.0, tilt, low), np.where(miss > 0.0, tilt, high)
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                step = -np.log1p(share) * (self.mean + miss) / square
                middle = 0.5 * (low + high)
            step = np.where(miss == 0.0, 0.0, np.clip(step, -LONGEST, LONGEST))
            moved = tilt + step
            close = np.abs(step) * np.sqrt(square) <= CLOSE
            outside = ~((low < moved) & (moved < high)) & np.isfinite(middle) & ~close
            tilt = np.where(done, tilt, np.where(outside, middle, moved))
            done |= close
            if done.all():
                break
        return tilt, *self._mass(tilt)

    def _mass(self, tilt: Floats) -> tuple[Floats, Floats]:
        """Return probabilities, (m, J), and levels, (m,)."""
        logs = self.u * tilt[:, None] - self.bent
        logs[self.idle] = -np.inf
        most = np.max(logs, axis=1)
        mass = self.weights * np.exp(logs - most[:, None])
        total = mass.sum(axis=1)
        level = -most - np.log(total)
        first = np.flatnonzero(self.base.value == 1.0)  # of the count 0, whose excess is 0
        if first.size:
            rest = np.exp(logs[first] + (self.mean * tilt)[first, None]) * self.weights[first]
            level[first] = (self.mean * tilt)[first] - np.log1p(rest[:, 1:].sum(axis=1))
        return mass / total[:, None], level

    def _derivatives(self, mass: Floats, order: int) -> list[Floats]:
        """Return all further terms, from cumulants of y and of what y leaves of the excess."""
        u, g, nu = self.u, self.mean, self.nu
        middle = np.sum(mass * self.excess, axis=1)
        variance = np.sum(mass * u * u, axis=1)
        w = self.excess - middle[:, None]
        beta = np.sum(mass * u * w, axis=1) / variance
        g = self.mean / variance
        parts = [-nu * beta, -nu * middle, g]
        if order == 1:
            return parts
        w = w - beta[:, None] * u
        relative = mass / variance[:, None]
        uu, uw, ww = u * u, u * w, w * w
        r30, r21, r12 = (np.sum(relative * each, axis=1) for each in (uu * u, uu * w, u * ww))
        k02 = np.sum(mass * ww, axis=1)
        bent = g * (2.0 - g * r30)
        parts += [nu * beta - nu * nu * r12, nu * nu * k02, bent, -nu * g * r21]
        if order == 2:
            return parts
        r40, r31, r22, r13 = (
            np.sum(relative * each, axis=1) for each in (uu * uu, uu * uw, uu * ww, uw * ww)
        )
        r40, r22, k03 = r40 - 3.0 * variance, r22 - k02, np.sum(mass * w * ww, axis=1)
        cube = nu**3
        parts += [
            -nu * beta + 3.0 * nu * nu * r12 - cube * (r13 - 3.0 * r21 * r12),
            -nu * middle + 3.0 * nu * nu * k02 - cube * k03,
            g * (4.0 - 5.0 * g * r30 + g * g * (3.0 * r30 * r30 - r40)),
            -nu * g * (2.0 * r21 + g * (r31 - 3.0 * r30 * r21)),
            nu * g * r21 + nu * nu * g * (r30 * r12 + 2.0 * r21 * r21 - r22),
        ]
        return parts


def _start(mean: Floats, nu: Floats, log_base: Floats) -> Floats:
    """Return tilts that are nearly right: between limits, of three numbers, or by an expansion."""
    loose = np.log(mean) - np.maximum(1.0 - nu, 0.0) * np.log1p(mean) - nu * log_base
    with np.errstate(divide="ignore", invalid="ignore"):
        center = np.log(np.maximum(mean + (nu - 1.0) / (2.0 * nu), 1e-300))
        wide = nu * (center - log_base)
        share = mean - np.floor(mean)
        log_ratio = nu * (np.log(np.floor(mean)) - np.log1p(np.floor(mean)))
        root = 0.5 * np.logaddexp(2.0 * np.log(share), np.log(4.0 - 4.0 * share**2) + log_ratio)
        narrow = np.logaddexp(np.log(share), root) - np.log(2.0 - 2.0 * share)
        narrow += nu * (np.log1p(np.floor(mean)) - log_base)
    start = np.where(nu <= 1.0, loose, np.where(mean < 0.5 * nu, narrow, wide))
    return np.asarray(np.where(np.isfinite(start), start, loose))
