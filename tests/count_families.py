"""Families of whole numbers, small ones, for what follows after a fit."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln, log_expit, pdtr
from scipy.stats import bernoulli, poisson

from skglmm.families import (
    Family,
    Log,
    LogDensity,
    Logit,
    LogMean,
    LogOdds,
    Parameter,
    Poisson,
    Role,
    Support,
)
from skglmm.families.calculus.chain_rule import leave
from skglmm.families.calculus.reach import within_reach
from skglmm.families.defaults.whole_quantile import whole_quantile

PARTS = ("zero", "positive")


@dataclass(frozen=True)
class SmallPoisson(Family):
    """Counts with the logarithm of their mean as predictor."""

    parameters = (Parameter("rate", Role.LOCATION, (Log(),)),)
    support = Support(0.0, np.inf, "counts")
    parts = PARTS
    links: tuple = (Log(),)

    def prepare(self, y):
        return np.stack([y, gammaln(y + 1.0)])

    def log_density(self, prepared, eta, order=0):
        y, constant = prepared
        eta = np.broadcast_to(eta[0], y.shape)
        rate = np.exp(eta)
        value = y * eta - rate - constant
        return LogDensity(*(value, (y - rate)[None], -rate[None], -rate[None])[: order + 1])

    def expected_information(self, eta):
        return np.exp(eta[0])[None]

    def mean(self, eta):
        return np.exp(eta[0])

    variance = mean

    def cdf(self, y, eta):
        return np.where(y < 0.0, 0.0, pdtr(np.maximum(np.floor(y), 0.0), np.exp(eta[0])))

    def quantile(self, p, eta):
        return poisson.ppf(p, np.exp(eta[0]))

    def start(self, y, weights=None):
        return np.array([np.log(np.average(y, weights=weights) + 0.1)])

    def sample(self, eta, rng):
        return rng.poisson(np.exp(eta[0])).astype(float)


@dataclass(frozen=True)
class SmallZeroInflated(Family):
    """Counts with extra zeros, whose predictor comes first: the location need not."""

    parameters = (
        Parameter("zero", Role.MASS, (LogOdds(),)),
        Parameter("rate", Role.LOCATION, (Log(),)),
    )
    support = Support(0.0, np.inf, "counts")
    parts = PARTS
    links: tuple = (LogOdds(), Log())

    def prepare(self, y):
        return np.stack([y, gammaln(y + 1.0)])

    def log_density(self, prepared, eta, order=0):
        y, constant = prepared
        z, eta, y = np.broadcast_arrays(*eta, y)
        p, rate = expit(z), np.exp(eta)
        # zeros: log(p + q e^-r); others: log q + y eta - r - constant
        none = -np.log1p(np.exp(z))
        value = np.where(y == 0, none + np.logaddexp(z, -rate), none + y * eta - rate - constant)
        w = expit(-z - rate)  # of a zero: the probability that it is of the counts
        v = w * (1 - w)
        zero, one = y == 0, np.ones_like(p)
        g = np.stack([(1 - w) - p, -w * rate])
        g = np.where(zero, g, np.stack([-p, y - rate]))
        # w moves by -v in z, and by -v * rate in eta
        h = np.stack([v - p * (1 - p), v * rate, v * rate**2 - w * rate])
        h = np.where(zero, h, np.stack([-p * (1 - p), 0 * one, -rate]))
        t = -v * (1 - 2 * w)  # of v in z
        third = np.stack(
            [
                t - p * (1 - p) * (1 - 2 * p),
                t * rate,
                t * rate**2 + v * rate,
                t * rate**3 + 3 * v * rate**2 - w * rate,
            ]
        )
        other = np.stack([-p * (1 - p) * (1 - 2 * p), 0 * one, 0 * one, -rate])
        third = np.where(zero, third, other)
        return LogDensity(*(value, g, h, third)[: order + 1])

    def expected_information(self, eta):
        z, eta = np.broadcast_arrays(*eta)
        p, rate = expit(z), np.exp(eta)
        none = p + (1 - p) * np.exp(-rate)
        w = expit(-z - rate)
        v = w * (1 - w)
        return np.stack(
            [p * (1 - p) - none * v, -none * v * rate, (1 - p) * rate - none * v * rate**2]
        )

    def mean(self, eta):
        return expit(-eta[0]) * np.exp(eta[1])

    def variance(self, eta):
        p, rate = expit(eta[0]), np.exp(eta[1])
        return (1 - p) * rate * (1 + p * rate)

    def cdf(self, y, eta):
        p = expit(eta[0])
        below = p + (1 - p) * pdtr(np.maximum(np.floor(y), 0.0), np.exp(eta[1]))
        return np.where(y < 0.0, 0.0, below)

    def quantile(self, p, eta):
        extra = expit(eta[0])
        inner = np.clip((p - extra) / (1 - extra), 0.0, 1.0)
        return np.where(p <= extra, 0.0, np.maximum(poisson.ppf(inner, np.exp(eta[1])), 0.0))

    def start(self, y, weights=None):
        return np.array([-1.0, np.log(np.mean(y[y > 0]) + 0.1)])

    def sample(self, eta, rng):
        z, eta = np.broadcast_arrays(*eta)
        return np.where(rng.random(z.shape) < expit(z), 0.0, rng.poisson(np.exp(eta)))


@dataclass(frozen=True)
class SmallBernoulli(Family):
    """Classes 0 and 1."""

    parameters = (Parameter("probability", Role.LOCATION, (LogOdds(),)),)
    support = Support(0.0, 1.0, "counts")
    parts = ("no", "yes")
    links: tuple = (LogOdds(),)

    def prepare(self, y):
        return y[None]

    def log_density(self, prepared, eta, order=0):
        y = prepared[0]
        eta = np.broadcast_to(eta[0], y.shape)
        p, q = expit(eta), expit(-eta)
        value = -np.log1p(np.exp(np.where(y == 1, -eta, eta)))
        return LogDensity(
            *(value, (y - p)[None], (-p * q)[None], (-p * q * (q - p))[None])[: order + 1]
        )

    def part_probabilities(self, eta):
        return np.stack([expit(-eta[0]), expit(eta[0])])

    def expected_information(self, eta):
        return (expit(eta[0]) * expit(-eta[0]))[None]

    def mean(self, eta):
        return expit(eta[0])

    def variance(self, eta):
        return expit(eta[0]) * expit(-eta[0])

    def cdf(self, y, eta):
        return np.where(y < 0, 0.0, np.where(y < 1, expit(-eta[0]), 1.0))

    def quantile(self, p, eta):
        return bernoulli.ppf(p, expit(eta[0]))

    def start(self, y, weights=None):
        p = np.average(y, weights=weights)
        return np.array([np.log(p / (1 - p))])

    def sample(self, eta, rng):
        return (rng.random(len(eta[0])) < expit(eta[0])).astype(float)


@dataclass(frozen=True)
class SmallGeometric(Family):
    """Counts with the logarithm of their mean m as predictor: p = m / (1 + m) for one more."""

    parameters = (Parameter("mean", Role.LOCATION, (LogMean(),)),)
    support = Support(0.0, np.inf, "counts")
    parts = PARTS
    links: tuple = (LogMean(),)

    def prepare(self, y):
        return y[None]

    def log_density(self, prepared, eta, order=0):
        y = prepared[0]
        (near,), outside = within_reach(self.links, eta)
        p, q, more = expit(near), expit(-near), y + 1.0
        value = y * log_expit(near) + log_expit(-near)
        derivatives = (y - more * p, -more * p * q, -more * p * q * (q - p))
        found = LogDensity(*(value, *(each[None] for each in derivatives))[: order + 1])
        if outside is not None:
            leave(found, outside)
        return found

    def expected_information(self, eta):
        return expit(self._near(eta))[None]

    def mean(self, eta):
        return np.exp(self._near(eta))

    def variance(self, eta):
        return self.mean(eta) * (1.0 + self.mean(eta))

    def cdf(self, y, eta):
        above = (np.floor(np.maximum(y, 0.0)) + 1.0) * log_expit(self._near(eta))
        return np.where(y < 0.0, 0.0, -np.expm1(above))

    def survival(self, y, eta):
        above = (np.floor(np.maximum(y, -1.0)) + 1.0) * log_expit(self._near(eta))
        return np.exp(above)

    def quantile(self, p, eta):
        return whole_quantile(self, p, eta)

    def start(self, y, weights=None):
        return np.log([np.average(y, weights=weights) + 0.01])

    def sample(self, eta, rng):
        return rng.geometric(expit(-self._near(eta))) - 1.0

    def _near(self, eta):
        return within_reach(self.links, eta)[0][0]


@dataclass(frozen=True)
class SmallThinned(Family):
    """Counts of a Poisson distribution, each of which is seen with a probability."""

    parameters = (
        Parameter("mean", Role.LOCATION, (Log(),)),
        Parameter("seen", Role.SHAPE, (Logit(),)),
    )
    support = Support(0.0, np.inf, "counts")
    parts = PARTS
    links: tuple = (Log(), Logit())

    def prepare(self, y):
        return np.stack([y, gammaln(y + 1.0)])

    def log_density(self, prepared, eta, order=0):
        (near, seen), outside = within_reach(self.links, eta)
        y, constant = prepared
        p, q, t = expit(seen), expit(-seen), near + log_expit(seen)  # t moves by q, and q by -p q
        rate, f, bent = np.exp(t), y - np.exp(t), -p * q
        one = np.ones_like(f)
        found = (
            y * t - rate - constant,
            np.stack([f, f * q]),
            np.stack([-rate * one, -rate * q * one, -rate * q**2 + f * bent]),
            np.stack(
                [
                    -rate * one,
                    -rate * q * one,
                    -rate * (q**2 + bent) * one,
                    -rate * (q**3 + 3 * q * bent) + f * bent * (q - p),
                ]
            ),
        )
        density = LogDensity(*found[: order + 1])
        if outside is not None:
            leave(density, outside)
        return density

    def expected_information(self, eta):
        q = expit(-np.broadcast_arrays(*within_reach(self.links, eta)[0])[1])
        return self.mean(eta) * np.stack([np.ones_like(q), q, q * q])

    def mean(self, eta):
        near, seen = within_reach(self.links, eta)[0]
        return np.exp(near + log_expit(seen))

    variance = mean

    def cdf(self, y, eta):
        return Poisson().cdf(y, [np.log(self.mean(eta))])

    def survival(self, y, eta):
        return Poisson().survival(y, [np.log(self.mean(eta))])

    def quantile(self, p, eta):
        return whole_quantile(self, p, eta)

    def start(self, y, weights=None):
        seen = np.log(2.0)
        return np.array([np.log(np.average(y, weights=weights) + 1e-3) - log_expit(seen), seen])

    def sample(self, eta, rng):
        return rng.poisson(self.mean(eta)).astype(float)


__all__ = ["SmallBernoulli", "SmallGeometric", "SmallPoisson", "SmallThinned", "SmallZeroInflated"]
