"""Responses in dollars and in millionths are one model: fits of either are the same."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose
from oracles import Term, design
from scipy.stats import expon

from skglmm.covariance import Autoregressive, BlockDiagonal, Unstructured
from skglmm.families import (
    Bernoulli,
    Beta,
    Family,
    Gaussian,
    Identity,
    Log,
    LogDensity,
    Parameter,
    Poisson,
    Role,
    Support,
)
from skglmm.fitting import Study, fit, refit
from skglmm.fitting.data.measure import measured
from skglmm.fitting.data.standardize import learn_scales
from skglmm.links import Positive
from skglmm.parts import Here

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
FACTORS = (1e-9, 1e-6, 1.0, 1e6, 1e9)


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


class Unmeasured(Gaussian):
    """Normal, fitted in the units of the user."""

    parameters = tuple(replace(each, equivariant=False) for each in Gaussian.parameters)


RANDOM = Term("g", G, (ONE, X), Unstructured(2))
BOTH = Term("g", G, (ONE, ONE), Unstructured(2), (0, 1))
TIED = Term("g", G, (ONE, ONE), Autoregressive(2), (0, 1))
PARTS = Term("g", G, (ONE, X, ONE), BlockDiagonal((Unstructured(2), Unstructured(1))), (0, 0, 1))
POSITIVE = np.exp(0.3 * MEAN) + 0.2 * RNG.normal(size=N)
LOGS = Gaussian(links=(Log(), Log()))
# fixed columns of each predictor, terms, family, response
CASES = {
    "slopes": (([ONE, X], [ONE]), [RANDOM], Gaussian(), Y),
    "scale": (([ONE, X], [ONE, X]), [RANDOM], Gaussian(), Y),
    "none": (([ONE, X], [ONE, X]), [], Gaussian(), Y),
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
    "exponential, identity": (
        ([ONE, X],),
        [],
        Exponential(links=(Positive(),)),
        RNG.exponential(1.0 + X**2),
    ),
}
SHIFTED = ("slopes", "scale", "none", "both", "parts", "categories", "negative", "aliased")


def rows_of(case, factor=1.0, shift=0.0, offset=None):
    """Design and responses of a case; what is added to the mean is in the units of y."""
    fixed, terms, family, y = CASES[case]
    rows = design(fixed, *terms)
    rows = replace(rows, layout=replace(rows.layout, predictors=family.predictors))
    if offset is not None:
        rows = replace(rows, offsets=(factor * offset, *rows.offsets[1:]))
    return family, rows, factor * (y + shift + (0.0 if offset is None else offset))


@cache
def fitted(case, factor=1.0, shift=0.0):
    family, rows, y = rows_of(case, factor, shift)
    return fit(family, rows, y, WEIGHTS)


def moves_of(base, rows, factor, shift=0.0):
    """Units of all parameters, and how coefficients move, when responses change."""
    family, moves, units = base.family, [], []
    for k, (link, x) in enumerate(zip(family.links, rows.fixed, strict=True)):
        unit, move = link.rescaled(factor)
        move += factor * shift if k == family.location else 0.0
        units.append(unit)
        kept = [j not in base.aliased[k] for j in range(x.shape[1])]
        found = np.linalg.lstsq(x * kept, move * ONE, rcond=None)[0]
        moves.append(np.where(np.abs(found) > 1e-9 * abs(move), found, 0.0))
    return units, np.concatenate(moves)


def assert_alike(found, base, rows, factor, shift=0.0, tol=1e-8):
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
        assert_allclose(found.roots[f] / size, base.roots[f], atol=100 * tol)
        assert_allclose(found.modes(f) / size, base.modes(f), atol=100 * tol)
        jacobian = found.mode_jacobian[f] * errors[:, None, None]
        expected = base.mode_jacobian[f] / sizes[:, None, None] * errors[:, None, None]
        assert_allclose(jacobian, expected, atol=3e4 * tol)
    loss = WEIGHTS.sum() * np.log(factor)
    assert_allclose(found.log_likelihood + loss, base.log_likelihood, rtol=tol)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("case", CASES)
def test_units_of_the_response_do_not_matter(case, factor):
    _, rows, _ = rows_of(case)
    assert_alike(fitted(case, factor), fitted(case), rows, factor)
    assert fitted(case, factor).n_iterations == fitted(case).n_iterations


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("case", SHIFTED)
def test_the_origin_of_the_response_does_not_matter(case, factor):
    _, rows, _ = rows_of(case)  # a million widths: responses have ten digits left
    found = fitted(case, factor, 1e6)
    assert_alike(found, fitted(case), rows, factor, 1e6, tol=1e-6)
    assert abs(found.n_iterations - fitted(case).n_iterations) <= 1


@pytest.mark.parametrize("level", [0.0, 1e6])
@pytest.mark.parametrize("factor", FACTORS)
def test_offsets_are_in_the_units_of_the_response(factor, level):
    family, rows, y = rows_of("slopes", factor, offset=level + 5.0 * W)
    found = fit(family, rows, y, WEIGHTS)
    assert_alike(found, fitted("slopes"), rows, factor, tol=1e-6 if level else 1e-8)


def assert_one_model(found, base):
    """Two fits to the same responses are one, whatever their units."""
    n_beta = sum(map(len, base.beta))
    errors = np.sqrt(np.diag(base.covariance)[:n_beta])
    errors = np.where(errors > 0.0, errors, 1.0)
    off = (np.concatenate(found.beta) - np.concatenate(base.beta)) / errors
    assert np.abs(off).max() < 1e-4
    ours, theirs = (each.covariance[:n_beta, :n_beta] for each in (found, base))
    assert_allclose(ours / errors / errors[:, None], theirs / errors / errors[:, None], atol=1e-3)
    for f in range(len(base.roots)):
        assert_allclose(found.roots[f], base.roots[f], atol=1e-4)
        assert_allclose(found.modes(f), base.modes(f), atol=1e-4)
    assert_allclose(found.log_likelihood, base.log_likelihood, rtol=1e-9)


@pytest.mark.parametrize("case", [case for case in CASES if "exponential" not in case])
def test_own_units_do_not_change_a_model(case):
    family, rows, y = rows_of(case, offset=0.1 * W if case == "none" else None)
    base = fit(Unmeasured(links=family.links), rows, y, WEIGHTS)
    found = fit(family, rows, y, WEIGHTS)
    assert found.units.are_own and not base.units.are_own
    assert_one_model(found, base)


@pytest.mark.parametrize("links", [(Identity(), Log()), (Log(), Log())])
def test_without_intercepts_zeros_are_where_the_user_has_them(links):
    # neither model is the same in other units: a log scale of 0 is one of these
    rows = design(([X], [X]), offset=0.2 * W)
    base = fit(Unmeasured(links=links), rows, POSITIVE, WEIGHTS)
    assert_one_model(fit(Gaussian(links=links), rows, POSITIVE, WEIGHTS), base)


def test_the_likelihood_of_positive_responses_is_that_of_the_user():
    family, rows, y = rows_of("exponential, identity", 1e6)
    found = fit(family, rows, y, WEIGHTS)
    mean = rows.fixed[0] @ found.beta[0]
    assert_allclose(found.log_likelihood, WEIGHTS @ expon.logpdf(y, scale=mean), rtol=1e-12)
    assert found.units.center == 0.0


@pytest.mark.parametrize(
    ("family", "y"),
    [
        (Poisson(), RNG.poisson(3.0, N).astype(float)),
        (Bernoulli(), (RNG.random(N) < 0.4).astype(float)),
        (Beta(), RNG.beta(2.0, 3.0, N)),
    ],
)
def test_counts_classes_and_shares_have_the_units_of_the_user(family, y):
    rows = design([[ONE, X], [ONE]][: len(family.links)], RANDOM, offset=0.1 * W)
    study = Study.of(family, rows, y)
    assert not study.units.are_own
    assert study.response is y
    assert study.standard.design.offsets[0] is rows.offsets[0]
    assert study.bound.log_jacobian == 0.0


# In parts


@pytest.mark.parametrize("case", ["scale", "categories", "log", "through 0"])
def test_units_of_parts_are_those_of_all_rows(case):
    family, rows, y = rows_of(case, 1e6, offset=W)
    cuts = np.split(np.arange(N), [50, 120])
    parts = [Here([part(each) for each in cuts]) for part in (rows.take, y.take, WEIGHTS.take)]
    scales = learn_scales(rows.layout, parts[0], parts[2])
    found = measured(scales, rows.layout, family, *parts)
    whole = Study.of(family, rows, y, WEIGHTS).standard.scales
    for name in ("center", "width", "sizes", "shifts"):
        assert_allclose(getattr(found.units, name), getattr(whole.units, name), rtol=1e-13)
    assert_allclose(found.levels, whole.levels, rtol=1e-13)
    for ours, theirs in zip(found.origins, whole.origins, strict=True):
        assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * whole.units.width)


# Again


@pytest.mark.parametrize("case", ["scale", "log", "exponential"])
def test_a_fit_begins_again_where_it_was(case):
    family, rows, y = rows_of(case, 1e6)
    study, before = Study.of(family, rows, y, WEIGHTS), fitted(case, 1e6)
    here = study.problem.evaluate(study.vector(before))
    value = -here.value - study.bound.log_jacobian
    assert_allclose(value, before.log_likelihood, rtol=1e-12)
    assert_allclose(here.gradient, 0.0, atol=1e-3)
    again = refit(study.with_response(2.0 * y), before)  # which is not measured anew
    loss = WEIGHTS.sum() * np.log(2.0)
    assert_allclose(again.log_likelihood + loss, before.log_likelihood, rtol=1e-9)


def test_responses_that_are_all_the_same_have_units():
    _, rows, y = rows_of("none")
    for value in (0.0, 1e-9, 7e8):
        units = Study.of(Gaussian(), rows, np.full_like(y, value)).units
        assert units.center == 0.0
        assert_allclose(units.width, value or 1.0, rtol=1e-12)
