"""The generalized Poisson family: counts whose variance is a multiple of the mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, log
from typing import final

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.families.base import Family
from skglmm.families.calculus.chain_rule import leave, through_links
from skglmm.families.calculus.compose import compose
from skglmm.families.calculus.log_density import LogDensity
from skglmm.families.calculus.packing import packed_products
from skglmm.families.calculus.reach import within_reach
from skglmm.families.combined.masses import ZERO_OR_MORE
from skglmm.families.counts.poisson import Poisson
from skglmm.families.counts.tails import LogMass, TailSum, lower_sum, tail_quantile, upper_sum
from skglmm.families.parameter import Parameter, Role
from skglmm.links import Jet, Link, LogConsulDispersion, Positive, ShortLogMean, Sqrt
from skglmm.response import Support
from skglmm.special import exp_excess

__all__ = ["GeneralizedPoisson"]

# Below it Consul's second parameter would be less than -1, and single probabilities more than 1.
LEAST_DISPERSION = 0.25
LEAST = (
    "the counts vary less than those of a generalized Poisson can, whose variance is a quarter "
    "of the mean at least; try ConwayMaxwellPoissonGLMMRegressor"
)
DISPERSION = Parameter(
    "dispersion",
    Role.DISPERSION,
    (LogConsulDispersion(),),
    floor=log(LEAST_DISPERSION),
    at_limit=LEAST,
)
MEAN = Parameter("mean", Role.LOCATION, (ShortLogMean(), Positive(), Sqrt()))
NEAR = 0.5  # relative distance to the mean in which a difference has more digits than a ratio
SUMMED = 64.0  # numbers of possible counts up to which an expectation is their sum
FEW_GENERATIONS = 0.999  # mean number of children of a count up to which families die out soon
CELLS = 2**17  # counts at a time
# Of a dispersion to start from
LEAST_START, LOG_MOST_START = 0.3, 10.0
ROOM = 0.9  # the share of the mean that a start may use to make the largest count possible


@final
@dataclass(frozen=True)
class GeneralizedPoisson(Family):
    r"""Generalized Poisson distribution with a mean and a dispersion [1]_.

    With the dispersion :math:`\phi` the variance is :math:`\mu \phi`, and with
    :math:`r = y + (\mu - y) / \sqrt\phi` the probability of a count is
    :math:`\mu \phi^{-1/2} r^{y - 1} e^{-r} / y!`. A dispersion of 1 is the Poisson.

    Below 1 the distribution ends where r would be negative, :math:`y < \mu / (1 - \sqrt\phi)`, and
    the probabilities of the counts up to there have the sum 1 only nearly: within 0.5 percent
    where five of them are possible [2]_, and by far more where the mean is smaller. The log
    density is that of the formula, as in glmmTMB; the cdf and draws divide by the sum. The mean
    and the variance are those of the formula, too. `total` is the sum.

    Parameters
    ----------
    links : tuple of two links
        Of the mean and of the dispersion.

    References
    ----------
    .. [1] Consul, P. C. & Famoye, F. (1992). Generalized Poisson regression model. Communications
       in Statistics - Theory and Methods, 21(1), 89-109.
    .. [2] Consul, P. C. & Shoukri, M. M. (1985). The generalized Poisson distribution when the
       sample mean is larger than the sample variance. Communications in Statistics - Simulation
       and Computation, 14(3), 667-681.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.families import GeneralizedPoisson
    >>> family, eta = GeneralizedPoisson(), (np.log([2.0]), np.log([4.0]))
    >>> family.mean(eta), family.variance(eta)
    (array([2.]), array([8.]))
    >>> y = np.array([0.0, 1.0, 2.0])
    >>> np.exp(family.log_density(family.prepare(y), eta).value).round(4)
    array([0.3679, 0.2231, 0.1353])
    """

    parameters = (MEAN, DISPERSION)
    support = Support(0.0, inf, "counts")
    parts = ZERO_OR_MORE
    variance_formula = "dispersion * mean"
    title = "Generalized Poisson"

    links: tuple[Link, ...] = (ShortLogMean(), LogConsulDispersion())

    @property
    def mean_predictors(self) -> tuple[int, ...]:
        return (0,)

    def prepare(self, y: Floats) -> Floats:
        """Return counts, their logarithms, and Poisson probabilities at means that equal them."""
        return Poisson().prepare(y)

    def log_density(self, prepared: Floats, eta: Sequence[Floats], order: int = 0) -> LogDensity:
        near, outside = within_reach(self.links, eta)
        logs = self.links[0].log_inverse(near[0], order)
        value, ratio = _value(prepared, logs[0], near[1])
        impossible = (ratio <= 0.0) & (prepared[0] > 1.0)
        rate = np.where(impossible, 1.0, prepared[0] * ratio)
        parts = _derivatives(prepared[0], rate, logs[0], near[1], order)
        found = through_links(LogDensity(value, *parts), _log_jets(logs, order))
        if outside is not None:
            leave(found, outside)
        if impossible.any():
            leave(found, impossible)
        return found

    def expected_information(self, eta: Sequence[Floats]) -> Floats:
        """Return minus the expected second derivatives; below 1, mean products of scores.

        These are exact where few counts are possible, and otherwise nearly so.
        """
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        (slope,) = self.links[0].inverse(near[0], 1).slopes
        mean = self.mean(near)
        slope = slope / mean
        root = np.exp(0.5 * near[1])
        theta, rate = _theta(near[1]), mean / root
        share = rate / (rate + 2.0 * theta)
        found = np.stack(
            [
                (rate / root + 2.0 * theta) * share * slope * slope,
                -theta * share * slope,
                0.5 * share,
            ]
        )
        few = np.flatnonzero((near[1] < 0.0) & (self._last(near) < SUMMED))
        if few.size:
            found[:, few] = self._products([row[few] for row in near])
        return found

    def _products(self, eta: Sequence[Floats]) -> Floats:
        """Mean products of scores where few counts are possible."""
        found = np.empty((3, len(eta[0])))
        y = np.arange(SUMMED)
        for start in range(0, len(eta[0]), int(CELLS // SUMMED)):
            rows = slice(start, start + int(CELLS // SUMMED))
            many = [np.repeat(row[rows], len(y)) for row in eta]
            counts = np.tile(y, len(many[0]) // len(y))
            density = self.log_density(self.prepare(counts), many, 1)
            assert density.grad is not None
            mass = np.exp(density.value).reshape(-1, len(y))
            products = packed_products(density.grad).reshape(3, -1, len(y))
            found[:, rows] = np.sum(products * mass, axis=2) / mass.sum(axis=1)
        return found

    def _last(self, near: Sequence[Floats]) -> Floats:
        """The largest possible counts, (n,)."""
        mean, spare = self.mean(near), -np.expm1(0.5 * near[1])
        with np.errstate(divide="ignore", over="ignore"):
            most = np.maximum(np.ceil(mean / np.maximum(spare, 0.0)) - 1.0, 1.0)
        return np.asarray(np.where(spare > 0.0, most, inf))

    def ends(self, eta: Sequence[Floats]) -> tuple[Floats | float, Floats | float]:
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        return 0.0, self._last(near)

    def total(self, eta: Sequence[Floats]) -> Floats:
        """Return the sums of all probabilities, (n,): 1 but for dispersions below 1."""
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        found = np.ones(len(near[0]))
        rows = np.flatnonzero((near[1] < 0.0) & (self._last(near) < SUMMED))
        for start in range(0, len(rows), int(CELLS // SUMMED)):
            some = rows[start : start + int(CELLS // SUMMED)]
            here = [np.repeat(row[some], int(SUMMED)) for row in near]
            y = np.tile(np.arange(SUMMED), len(some))
            logs = self.log_density(self.prepare(y), here).value
            found[some] = np.exp(logs).reshape(-1, int(SUMMED)).sum(axis=1)
        return found

    def mean(self, eta: Sequence[Floats]) -> Floats:
        mean, _ = np.broadcast_arrays(*(jet.value for jet in self.jets(eta)))
        return np.array(mean)

    def variance(self, eta: Sequence[Floats]) -> Floats:
        mean, dispersion = self.jets(eta)
        return np.asarray(mean.value * dispersion.value)

    def _log_mass(self, near: Sequence[Floats]) -> LogMass:
        """Log probabilities of numbers, (m, J), in rows, (m,), whose sum is one."""
        log_mean = np.broadcast_to(self.links[0].log_inverse(near[0])[0], near[1].shape)
        log_total = np.log(self.total(near))

        def log_mass(y: Floats, rows: Ints) -> Floats:
            here = [np.repeat(row[rows], y.shape[1]) for row in (log_mean, near[1])]
            prepared = self.prepare(y.ravel())
            value, ratio = _value(prepared, *here)
            possible = (ratio > 0.0) | (prepared[0] <= 1.0)
            return np.where(possible, value, -inf).reshape(y.shape) - log_total[rows, None]

        return log_mass

    def cdf(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(lower_sum, y, eta, outside=0.0)

    def survival(self, y: Floats, eta: Sequence[Floats]) -> Floats:
        return self._tail(upper_sum, y, eta, outside=1.0)

    def _tail(self, tail: TailSum, y: Floats, eta: Sequence[Floats], *, outside: float) -> Floats:
        near, _ = within_reach(self.links, eta)
        y, *near = np.broadcast_arrays(np.floor(y), *near)
        found = np.full(len(y), outside)
        last = self._last(near)
        found[y >= last] = 1.0 - outside
        rows = np.flatnonzero((y >= 0.0) & (y < last))
        some = [row[rows] for row in near]
        mean, sd = self.mean(some), np.sqrt(self.variance(some))
        found[rows] = tail(self._log_mass(some), y[rows], mean, sd)
        return found

    def quantile(self, p: Floats, eta: Sequence[Floats]) -> Floats:
        near, _ = within_reach(self.links, eta)
        p, *near = np.broadcast_arrays(p, *near)
        mean, sd = self.mean(near), np.sqrt(self.variance(near))
        return tail_quantile(self._log_mass(near), p, mean, sd, self._last(near))

    def start(self, y: Floats, weights: Floats | None = None) -> Floats:
        """Return the mean and the dispersion of the counts; all of them are possible there."""
        mean_start = Poisson(links=self.links[:1]).start(y, weights)
        mean = float(self.links[0].inverse(mean_start).value[0])
        variance = float(np.average((y - mean) ** 2, weights=weights))
        some = y if weights is None else y[weights > 0.0]
        room = max(1.0 - ROOM * mean / max(float(np.max(some)), 1.0), 0.0) ** 2
        dispersion = max(variance / mean, LEAST_START, room)
        return np.append(mean_start, min(log(dispersion), LOG_MOST_START))

    def sample(self, eta: Sequence[Floats], rng: np.random.Generator) -> Floats:
        """Return draws: total numbers of descendants where the dispersion is 1 or more."""
        near, _ = within_reach(self.links, np.broadcast_arrays(*eta))
        theta = _theta(near[1])
        draws = np.empty(len(theta))
        rows = np.flatnonzero((theta >= 0.0) & (theta <= FEW_GENERATIONS))
        draws[rows] = _descendants(self.mean(near)[rows] * (1.0 - theta[rows]), theta[rows], rng)
        rows = np.flatnonzero((theta < 0.0) | (theta > FEW_GENERATIONS))
        draws[rows] = self.quantile(rng.random(len(rows)), [row[rows] for row in near])
        return draws


def _theta(log_dispersion: Floats) -> Floats:
    """Consul's second parameter, the mean number of children of a count."""
    return np.asarray(-np.expm1(-0.5 * log_dispersion))


def _value(prepared: Floats, log_mean: Floats, log_dispersion: Floats) -> tuple[Floats, Floats]:
    r"""Return log probabilities of counts, and r / y, which says nothing of zeros.

    With :math:`t = \log(r / y)` they are :math:`\log\mu - \log y - \log\phi / 2 - t
    - y (e^t - 1 - t)` beside the Poisson probability at the mean y.
    """
    y, log_y, best = prepared
    root = np.exp(-0.5 * log_dispersion)
    apart = np.asarray(np.expm1(log_mean - log_y) * root)  # r / y - 1
    ratio = 1.0 + apart
    far = np.abs(apart) > NEAR
    log_share = log_mean - log_y - 0.5 * log_dispersion
    theta = np.broadcast_to(_theta(log_dispersion), far.shape)[far]
    ratio[far] = theta + np.exp(log_share[far])
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.log1p(apart)
        t[far] = np.log(ratio[far])
    possible = np.where((ratio > 0.0) & (y > 1.0), t, 0.0)
    value = log_share + best - possible - y * exp_excess(possible)
    value = np.where(y == 1.0, log_share - ratio, value)
    return np.where(y == 0.0, -np.exp(log_share), value), ratio


def _derivatives(
    y: Floats, rate: Floats, log_mean: Floats, log_dispersion: Floats, order: int
) -> list[Floats]:
    """Derivatives in the log mean and the log dispersion, packed, of possible counts.

    With z = r - y, whose derivatives are its parts, they are those of a function of z.
    """
    if order == 0:
        return []
    own = np.exp(log_mean - 0.5 * log_dispersion)
    apart = np.asarray((np.exp(log_mean) - y) * np.exp(-0.5 * log_dispersion))
    own, z = np.broadcast_arrays(own, apart)
    some = y > 1.0  # the others' are linear in z
    rate = np.where(some, rate, 1.0)
    steps = (
        np.where(some, -(z + 1.0) / rate, -1.0),
        np.where(some, -(y - 1.0) / rate**2, 0.0),
        np.where(some, 2.0 * (y - 1.0) / rate**3, 0.0),
    )
    parts = (
        np.stack([own, -0.5 * z]),
        np.stack([own, -0.5 * own, 0.25 * z]),
        np.stack([own, -0.5 * own, 0.25 * own, -0.125 * z]),
    )
    found = compose(steps[:order], parts[:order])
    positive = y > 0.0
    found[0] += np.stack([positive, -0.5 * positive])
    return found


def _log_jets(logs: Sequence[Floats], order: int) -> list[Jet]:
    """Of log means with derivatives in their predictor, and of the log dispersion."""
    one, zero = np.ones(1), np.zeros(1)
    slopes = tuple(logs[1:]), (one, zero, zero)[:order]
    return [Jet(logs[0], logs[0], each) for each in slopes]


def _descendants(founders: Floats, theta: Floats, rng: np.random.Generator) -> Floats:
    """Draw the sizes of families, founders among them, whose members have Poisson children."""
    total = rng.poisson(founders).astype(np.float64)
    rows = np.flatnonzero(total > 0.0)
    alive = total[rows]
    while rows.size:
        alive = rng.poisson(theta[rows] * alive).astype(np.float64)
        total[rows] += alive
        rows, alive = rows[alive > 0.0], alive[alive > 0.0]
    return total
