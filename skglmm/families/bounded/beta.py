"""The beta family: proportions with a mean and a precision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, log, pi
from typing import NamedTuple, final

import numpy as np
from scipy.special import betainc, betaincinv

from skglmm.arrays import Bools, Floats
from skglmm.families.base import Family, LogDensity
from skglmm.families.calculus.chain_rule import through_links
from skglmm.families.combined.masses import PARTS
from skglmm.families.parameter import Parameter, Role
from skglmm.links import LINKS, Link, Log, Logit
from skglmm.response import Support
from skglmm.special import SERIES_FROM, log_gamma_family, log_gamma_remainder

__all__ = ["MEAN", "PRECISION", "Beta"]

# Data on an exact curve send phi to infinity, while the rounding of the derivatives grows like
# eps * phi, and of the log density of rows far from it like eps * phi * log(phi): above the cap
# there is nothing to optimize.
LOG_PRECISION_CAP = 20.0
MEAN = Parameter("mean", Role.LOCATION, tuple(LINKS.values()))
PRECISION = Parameter("precision", Role.DISPERSION, (Log(),), LOG_PRECISION_CAP)

LARGE = 1e4  # precisions that cost more digits than any other term has
LOST = -0.9  # 1 + ratio would lose the digits of y

_HALF_LOG_TWO_PI = 0.5 * log(2.0 * pi)


@final
@dataclass(frozen=True)
class Beta(Family):
    r"""Beta distribution with a mean and a precision.

    With the shapes :math:`a = \mu\phi` and :math:`b = (1 - \mu)\phi` the density is
    :math:`y^{a - 1} (1 - y)^{b - 1} / B(a, b)`, the variance
    :math:`\mu (1 - \mu) / (1 + \phi)` [1]_.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the precision.

    References
    ----------
    .. [1] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates
       and proportions. Journal of Applied Statistics, 31(7), 799-815.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import Beta
    >>> family = Beta()
    >>> y, eta = np.array([0.2, 0.7]), (np.array([0.0]), np.log([2.0]))  # the uniform
    >>> abs(family.log_density(family.prepare(y), eta).value.round(12))
    array([0., 0.])
    """

    parameters = (MEAN, PRECISION)
    support = Support(0.0, 1.0)
    parts = PARTS
    variance_formula = "mean * (1 - mean) / (1 + precision)"

    links: tuple[Link, ...] = (Logit(), Log())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    @property
    def part_predictors(self) -> tuple[int, ...]:
        return ()

    def part_probabilities(self, eta: Sequence[Floats]) -> Floats:
        n = np.broadcast_shapes(*(each.shape for each in eta))[0]
        return np.repeat([[0.0], [1.0], [0.0]], n, axis=1)

    def prepare(self, y: Floats) -> Floats:
        return np.stack([np.log(y), np.log1p(-y), y])

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        jets = self.jets(eta, order)
        phi = jets[1].value
        shares = np.stack([jets[0].value, jets[0].complement])  # of phi: mu, nu
        shapes = shares * phi  # a, b
        terms = _terms(prepared, shares, shapes, phi, order)
        parts = [np.empty((rows, prepared.shape[1])) for rows in (1, 2, 3, 4)[: order + 1]]
        np.add(_sum(shapes * terms.logs - terms.of_shapes[0]), terms.rest, out=parts[0][0])
        for fill, part in zip((_fill_grad, _fill_hess, _fill_third), parts[1:], strict=False):
            fill(part, shares, phi, terms)
        return through_links(LogDensity(parts[0][0], *parts[1:]), jets)

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        (mu, nu, (s_mu,), _), (phi, _, (s_phi,), _) = self.jets(eta, 1)
        h, h_a, h_b = (log_gamma_family(x, 2)[2] for x in (phi, mu * phi, nu * phi))
        mm = (phi * s_mu) ** 2 * (h_a + h_b)
        mp = phi * s_mu * s_phi * (mu * h_a - nu * h_b)
        pp = s_phi**2 * (mu**2 * h_a + nu**2 * h_b - h)
        return np.stack(np.broadcast_arrays(mm, mp, pp))

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, precision = self.jets(eta)
        return np.array(np.broadcast_arrays(mean.value, precision.value)[0])

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, precision = self.jets(eta)
        return np.asarray(mean.value * mean.complement / (1.0 + precision.value))

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        a, b = self._shapes(eta)
        return np.asarray(betainc(a, b, y))

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        a, b = self._shapes(eta)
        return np.asarray(betaincinv(a, b, p))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        mean = np.clip(np.average(y, weights=weights), y.min(), y.max())  # not rounded to 1
        variance = np.average((y - mean) ** 2, weights=weights)
        precision = mean * (1.0 - mean) / variance - 1.0 if variance > 0 else inf
        starts = np.array([mean, np.clip(precision, 0.1, 1e6)])  # room on either side
        pairs = zip(self.links, starts, strict=True)
        return np.array([np.clip(link.link(each), *link.reach) for link, each in pairs])

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        a, b = self._shapes(eta)
        draws = rng.beta(a, b)  # rounds to 0 and 1 where a shape is small
        return np.clip(draws, np.finfo(np.float64).tiny, np.nextafter(1.0, 0.0))

    def _shapes(self, eta: Sequence[Floats]) -> tuple[Floats, Floats]:
        mean, precision = self.jets(eta)
        return mean.value * precision.value, mean.complement * precision.value


class _Terms(NamedTuple):
    """The log-gamma family and the logarithms of the response, in one of two guises."""

    of_phi: tuple[Floats, ...]  # order + 1 arrays of shape (n,) or (1,)
    of_shapes: tuple[Floats, ...]  # order + 1 arrays of shape (2, n) or (2, 1)
    logs: Floats  # (2, n)
    rest: Floats  # (n,): what else the log density contains


def _far(prepared: Floats, shapes: Floats, phi: Floats, order: int) -> _Terms:
    """Return the terms as they stand in the formula."""
    of_phi, logs = log_gamma_family(phi, order), prepared[:2]
    return _Terms(of_phi, _both(log_gamma_family, shapes, order), logs, of_phi[0] - _sum(logs))


def _near(prepared: Floats, shares: Floats, shapes: Floats, phi: Floats, order: int) -> _Terms:
    """Return the terms relative to Stirling's formula.

    With the logarithms of y / mu and (1 - y) / nu, ``phi log phi`` cancels on paper and not in
    the computer, so that a large phi costs no digits.
    """
    log_y, log_1y, y = prepared
    miss = np.where(y < 0.5, y - shares[0], shares[1] - (1.0 - y))
    ratio = np.stack([miss, -miss]) / shares
    lost = ratio < LOST
    logs = np.log1p(np.maximum(ratio, LOST))
    if lost.any():
        logs[lost] = (prepared[:2] - np.log(shares))[lost]
    of_phi = log_gamma_remainder(phi, order)
    rest = 0.5 * np.log(shapes[0] * shares[1]) + (of_phi[0] - _HALF_LOG_TWO_PI)
    rest = rest - log_y - log_1y
    return _Terms(of_phi, _both(log_gamma_remainder, shapes, order), logs, rest)


def _terms(prepared: Floats, shares: Floats, shapes: Floats, phi: Floats, order: int) -> _Terms:
    """Return the terms of each row in the guise that has its digits, whatever the other rows."""
    near = phi >= LARGE
    if near.all() or shapes.min() >= SERIES_FROM:
        return _near(prepared, shares, shapes, phi, order)
    if not near.any():
        return _far(prepared, shapes, phi, order)
    n = prepared.shape[1]
    of_phi = tuple(np.empty((order + 1, n)))
    of_shapes = tuple(np.empty((order + 1, 2, n)))
    whole = _Terms(of_phi, of_shapes, np.empty((2, n)), np.empty(n))
    shares, shapes = (np.broadcast_to(each, (2, n)) for each in (shares, shapes))
    for rows in (near, ~near):
        some, own, of_own = prepared[:, rows], shapes[:, rows], phi[rows]
        if near[rows].all():
            part = _near(some, shares[:, rows], own, of_own, order)
        else:
            part = _far(some, own, of_own, order)
        _put(whole, part, rows)
    return whole


def _put(whole: _Terms, part: _Terms, rows: Bools) -> None:
    """Write the terms of some rows."""
    pairs = zip((*whole.of_phi, *whole.of_shapes), (*part.of_phi, *part.of_shapes), strict=True)
    for out, each in (*pairs, (whole.logs, part.logs), (whole.rest, part.rest)):
        out[..., rows] = each


def _both(
    family: Callable[[Floats, int], tuple[Floats, ...]], shapes: Floats, order: int
) -> tuple[Floats, ...]:
    return tuple([each.reshape(shapes.shape) for each in family(shapes.ravel(), order)])


def _fill_grad(out: Floats, shares: Floats, phi: Floats, terms: _Terms) -> None:
    """Write the derivatives in mu and in phi."""
    scores = terms.logs - terms.of_shapes[1]
    np.multiply(phi, _difference(scores), out=out[0])
    np.add(terms.of_phi[1], _sum(shares * scores), out=out[1])


def _fill_hess(out: Floats, shares: Floats, phi: Floats, terms: _Terms) -> None:
    """Write the second derivatives, rows mu mu, mu phi, phi phi."""
    trigamma = terms.of_shapes[2]
    once = shares * trigamma
    np.multiply(-(phi * phi), _sum(trigamma), out=out[0])
    np.subtract(_difference(terms.logs), _difference(terms.of_shapes[1]), out=out[1])
    out[1] -= phi * _difference(once)
    np.subtract(terms.of_phi[2], _sum(shares * once), out=out[2])


def _fill_third(out: Floats, shares: Floats, phi: Floats, terms: _Terms) -> None:
    """Write the third derivatives, rows 000, 001, 011, 111 of mu and phi."""
    trigamma, tetragamma = terms.of_shapes[2:]
    once = shares * tetragamma
    twice = shares * once
    np.multiply(-(phi * phi * phi), _difference(tetragamma), out=out[0])
    np.multiply(-phi, 2.0 * _sum(trigamma) + phi * _sum(once), out=out[1])
    np.subtract(-2.0 * _difference(shares * trigamma), phi * _difference(twice), out=out[2])
    np.subtract(terms.of_phi[3], _sum(shares * twice), out=out[3])


def _sum(pair: Floats) -> Floats:
    return np.asarray(pair[0] + pair[1])


def _difference(pair: Floats) -> Floats:
    return np.asarray(pair[0] - pair[1])
