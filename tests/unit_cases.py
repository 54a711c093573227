"""Fits of responses in several units, and what has to be alike between them."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.special import expit
from scipy.stats import expon

from skglmm.covariance import Autoregressive, BlockDiagonal, Unstructured
from skglmm.families import (
    Family,
    Gaussian,
    Log,
    LogDensity,
    LogOdds,
    Parameter,
    Role,
    Support,
)
from skglmm.fitting import fit
from skglmm.links import Positive

N, GROUPS = 300, 20
RNG = np.random.default_rng(11)
ONE, X, W = np.ones(N), RNG.normal(2.0, 0.7, N), RNG.normal(3.0, 1.0, N)
G = np.repeat(np.arange(GROUPS), N // GROUPS)
THIRDS = np.eye(3)[np.arange(N) % 3].T
B = RNG.normal(size=(2, GROUPS)) * [[1.0], [0.4]]
MEAN = 1.0 + 0.5 * X + B[0, G] + B[1, G] * X
SPREAD = np.exp(-1.0 + 0.3 * X)
Y = MEAN + SPREAD * RNG.normal(size=N)
WEIGHTS = RNG.uniform(0.5, 2.0, N)


@dataclass(frozen=True)
class Exponential(Family):
    """Positive numbers with a mean alone: equivariant, and no location may be shifted."""

    parameters = (Parameter("mean", Role.LOCATION, (Log(), Positive()), equivariant=True),)
    support = Support(0.0, np.inf)
    links: tuple = (Log(),)

    def prepare(self, y):
        return y[None, :]

    def log_density(self, prepared, eta, order=0):
        mean = self.links[0].inverse(eta[0], order)
        mu, y = np.broadcast_arrays(mean.value, prepared[0])
        mu = np.where(np.zeros(len(y), bool) if mean.outside is None else mean.outside, np.nan, mu)
        z = y / mu
        parts = [-np.log(mu) - z, (z - 1) / mu, (1 - 2 * z) / mu**2, (6 * z - 2) / mu**3]
        f, g, h, t = parts
        s = [np.broadcast_to(each, y.shape) for each in mean.slopes]
        if order >= 1:
            parts[1] = (g * s[0])[None]
        if order >= 2:
            parts[2] = (h * s[0] ** 2 + g * s[1])[None]
        if order >= 3:
            parts[3] = (t * s[0] ** 3 + 3 * h * s[0] * s[1] + g * s[2])[None]
        lost = np.isnan(mu)
        parts[0] = np.where(lost, -np.inf, f)
        return LogDensity(parts[0], *(np.where(lost, 0.0, each) for each in parts[1 : order + 1]))

    def expected_information(self, eta):
        mean = self.links[0].inverse(eta[0], 1)
        return (mean.slopes[0] / mean.value)[None] ** 2

    def mean(self, eta):
        return np.array(self.links[0].inverse(eta[0], 0).value)

    def variance(self, eta):
        return self.mean(eta) ** 2

    def cdf(self, y, eta):
        return expon.cdf(y, scale=self.mean(eta))

    def quantile(self, p, eta):
        return expon.ppf(p, scale=self.mean(eta))

    def start(self, y, weights=None):
        return np.array([self.links[0].link(np.average(y, weights=weights))])

    def sample(self, eta, rng):
        return rng.exponential(self.mean(eta))


@dataclass(frozen=True)
class Inflated(Exponential):
    """The same, with zeros of a probability of their own, which has no units."""

    parameters = (*Exponential.parameters, Parameter("zero", Role.MASS, (LogOdds(),)))
    support = Support(0.0, np.inf, masses=(0.0,))
    links: tuple = (Log(), LogOdds())

    def log_density(self, prepared, eta, order=0):
        y = prepared[0]
        at, p = y == 0.0, np.broadcast_to(expit(eta[1]), y.shape)
        inner = super().log_density(np.where(at, 1.0, y)[None], eta[:1], order)
        inner = [np.where(at, 0.0, each) for each in inner if each is not None]
        rest, none = p * (1 - p), np.zeros_like(y)
        value = inner[0] + np.where(at, np.log(p), np.log1p(-p))
        grad, hess, third = (
            [*each, *(none,) * m, last]
            for each, m, last in zip(
                ([*inner[1:], *[none[None]] * 3])[:3],
                (0, 1, 2),
                (at - p, -rest, -rest * (1 - 2 * p)),
                strict=True,
            )
        )
        return LogDensity(value, *map(np.stack, (grad, hess, third)[:order]))

    def expected_information(self, eta):
        one, p = super().expected_information(eta)[0], expit(eta[1])
        return np.stack(np.broadcast_arrays((1 - p) * one, 0.0 * p, p * (1 - p)))

    def mean(self, eta):
        return super().mean(eta) * expit(-eta[1])

    def start(self, y, weights=None):
        inner = super().start(y[y > 0.0])
        return np.append(inner, -1.0)


class Unmeasured(Gaussian):
    """Normal, fitted in the units of the user."""

    parameters = tuple(replace(each, equivariant=False) for each in Gaussian.parameters)


RANDOM = Term("g", G, (ONE, X), Unstructured(2))
CROSSED = Term("h", np.arange(N) % 11, (ONE,), Unstructured(1))
BOTH = Term("g", G, (ONE, ONE), Unstructured(2), (0, 1))
TIED = Term("g", G, (ONE, 2.0 * ONE), Autoregressive(2), (0, 1))  # which has a unit of its own
PARTS = Term("g", G, (ONE, X, ONE), BlockDiagonal((Unstructured(2), Unstructured(1))), (0, 0, 1))
POSITIVE = np.exp(0.3 * MEAN) + 0.2 * RNG.normal(size=N)
LOGS = Gaussian(links=(Log(), Log()))
# fixed columns of each predictor, terms, family, response
CASES = {
    "slopes": (([ONE, X], [ONE]), [RANDOM], Gaussian(), Y),
    "scale": (([ONE, X], [ONE, X]), [RANDOM], Gaussian(), Y),
    "none": (([ONE, X], [ONE, X]), [], Gaussian(), Y),
    "crossed": (([ONE, X], [ONE]), [RANDOM, CROSSED], Gaussian(), Y),
    "both": (([ONE, X], [ONE]), [BOTH], Gaussian(), Y),
    "parts": (([ONE, X], [X, ONE]), [PARTS], Gaussian(), Y),
    "categories": (([*THIRDS, X], [*THIRDS]), [RANDOM], Gaussian(), Y),
    "negative": (([-2.0 * ONE, X], [4.0 * ONE]), [RANDOM], Gaussian(), Y),
    "aliased": (([ONE, X, 2 * X - ONE], [ONE]), [RANDOM], Gaussian(), Y),
    "log": (([ONE, X], [ONE, X]), [RANDOM], LOGS, POSITIVE),
    "through 0": (([X], [ONE]), [RANDOM], Gaussian(), Y),
    "exponential": (
        ([ONE, X],),
        [RANDOM],
        Exponential(),
        RNG.exponential(np.exp(0.3 * MEAN)),
    ),
    "inflated": (
        ([ONE, X], [ONE]),
        [RANDOM],
        Inflated(),
        RNG.exponential(np.exp(0.3 * MEAN)) * (RNG.random(N) < 0.7),
    ),
    "exponential, identity": (
        ([ONE, X],),
        [],
        Exponential(links=(Positive(),)),
        RNG.exponential(1.0 + X**2),
    ),
}


def rows_of(case, factor=1.0, shift=0.0, offset=None):
    """Design and responses of a case; what is added to a mean is added to y."""
    fixed, terms, family, y = CASES[case]
    rows = design(fixed, *terms)
    rows = replace(rows, layout=replace(rows.layout, predictors=family.predictors))
    if offset is not None:
        unit = family.links[family.location].rescaled(factor)[0]
        rows = replace(rows, offsets=(unit * offset, *rows.offsets[1:]))
        y = y + offset if unit == factor else y
    return family, rows, factor * (y + shift)


@cache
def fitted(case, factor=1.0, shift=0.0):
    family, rows, y = rows_of(case, factor, shift)
    return fit(family, rows, y, WEIGHTS)


def moves_of(base, rows, factor, shift=0.0):
    """Units of all parameters, and how coefficients move, when responses change."""
    family, moves, units = base.family, [], []
    for k, (link, x) in enumerate(zip(family.links, rows.fixed, strict=True)):
        unit, move = link.rescaled(factor) if family.parameters[k].equivariant else (1.0, 0.0)
        move += factor * shift if k == family.location else 0.0
        units.append(unit)
        kept = [j not in base.aliased[k] for j in range(x.shape[1])]
        found = np.linalg.lstsq(x * kept, move * ONE, rcond=None)[0]
        moves.append(np.where(np.abs(found) > 1e-9 * abs(move), found, 0.0))
    return units, np.concatenate(moves)


def assert_alike(found, base, rows, factor, shift=0.0, tol=1e-8, mass=None):
    """Two fits are one, but for the units of the response, to a part of standard errors."""
    units, moves = moves_of(base, rows, factor, shift)
    n_theta = sum(map(len, base.theta))
    sizes = np.repeat([*units, 1.0], [*map(len, base.beta), n_theta])
    errors = np.sqrt(np.diag(base.covariance)) * sizes
    errors = np.where(errors > 0.0, errors, 1.0)
    beta = np.concatenate(base.beta) * sizes[: len(moves)] + moves
    off = np.abs(np.concatenate(found.beta) - beta) / errors[: len(moves)]
    assert found.converged
    assert off.max() < 100 * tol
    expected = base.covariance * sizes * sizes[:, None] / errors / errors[:, None]
    assert_allclose(found.covariance / errors / errors[:, None], expected, atol=3e4 * tol)
    for f, named in enumerate(base.layout.factors):
        size = np.array([units[k] for k in named.predictors])[:, None]
        assert_allclose(found.lambdas[f] / size, base.lambdas[f], atol=100 * tol)
        assert_allclose(found.modes(f) / size, base.modes(f), atol=100 * tol)
        jacobian = found.mode_jacobian[f] * errors[:, None, None]
        expected = base.mode_jacobian[f] / sizes[:, None, None] * errors[:, None, None]
        assert_allclose(jacobian, expected, atol=3e4 * tol)
    loss = (WEIGHTS.sum() if mass is None else mass) * np.log(factor)
    assert_allclose(found.log_likelihood + loss, base.log_likelihood, rtol=tol)


def assert_one_model(found, base):
    """Two fits to the same responses are one, whatever their units."""
    n_beta = sum(map(len, base.beta))
    errors = np.sqrt(np.diag(base.covariance)[:n_beta])
    errors = np.where(errors > 0.0, errors, 1.0)
    off = (np.concatenate(found.beta) - np.concatenate(base.beta)) / errors
    assert np.abs(off).max() < 1e-4
    ours, theirs = (each.covariance[:n_beta, :n_beta] for each in (found, base))
    assert_allclose(ours / errors / errors[:, None], theirs / errors / errors[:, None], atol=1e-3)
    for f in range(len(base.lambdas)):
        assert_allclose(found.lambdas[f], base.lambdas[f], atol=1e-4)
        assert_allclose(found.modes(f), base.modes(f), atol=1e-4)
    assert_allclose(found.log_likelihood, base.log_likelihood, rtol=1e-9)
