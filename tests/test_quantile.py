"""Quantiles of new responses, against sums over many nodes, simulation and exact answers."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian
from scipy.special import expit, logit, ndtri
from scipy.stats import norm

from skglmm import BetaGLMMRegressor
from skglmm.estimators.reading.rows import build_rows
from skglmm.families import LINKS, Beta, Log
from skglmm.inference.distribution import quantile as quantile_module
from skglmm.inference.distribution.normal_mixture import NormalMixture
from skglmm.inference.distribution.quantile import (
    predict_quantile,
    predictive_cdf,
    response_interval,
)
from skglmm.inference.distribution.solve import SupportTransform, solve
from skglmm.inference.parameters.delta import linear_variance
from skglmm.inference.prediction.averages import NormalShift
from skglmm.inference.prediction.predict import linear_predictors, shift_covariance
from skglmm.inference.prediction.sample import sample

Q = [0.001, 0.025, 0.2, 0.5, 0.8, 0.975, 0.999]
NODES = np.linspace(-8, 8, 8001)
WEIGHTS = norm.pdf(NODES) / norm.pdf(NODES).sum()


def simulate(rng, n_groups=20, n_rows=15, phi=12.0):
    frame = pd.DataFrame({"x": rng.normal(size=n_groups * n_rows)})
    frame["g"] = np.repeat(np.arange(n_groups), n_rows)
    b = rng.normal(0, [0.8, 0.3], (n_groups, 2))
    return frame, *respond(rng, frame, b, phi)


def respond(rng, frame, b, phi=12.0):
    eta = 0.4 + 0.5 * frame["x"] + b[frame["g"], 0] + b[frame["g"], 1] * frame["x"]
    return rng.beta(phi * expit(eta), phi * expit(-eta)).clip(1e-9, 1 - 1e-9), b


@pytest.fixture(scope="module")
def study():
    frame, y, _ = simulate(np.random.default_rng(3))
    return BetaGLMMRegressor("x + (x | g)").fit(frame, y), frame


def rows_of(model, frame, kind="conditional", new_groups="marginal"):
    return build_rows(model._spec, frame, kind, new_groups, model.context)


def quantile_of(mixture, q):
    transform = SupportTransform(mixture.family.support)
    return transform.response(solve(mixture, np.full(len(mixture.sd), ndtri(q)), transform).x)


def brute(mixture, y, i):
    eta = [mixture.eta[0][i] + mixture.sd[i] * NODES, mixture.eta[1][:1]]
    return mixture.family.cdf(np.full(len(NODES), y), eta) @ WEIGHTS


# --- the distribution -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sd", [0.0, 0.1, 0.6, 2.5, *(pytest.param(sd, marks=pytest.mark.slow) for sd in (0.3, 1.0))]
)
@pytest.mark.parametrize(
    "phi", [0.8, *(pytest.param(phi, marks=pytest.mark.slow) for phi in (10.0, 300.0)), 1e5]
)
@pytest.mark.parametrize("link", LINKS)
def test_probabilities_and_quantiles_agree_with_sums_over_many_nodes(link, phi, sd):
    family = Beta((LINKS[link], Log()))
    eta = np.array([-1.5, -0.3, 0.0, 1.2])
    mixture = NormalMixture.of(family, [eta, np.log([phi])], np.full(4, sd))
    for q in (0.02, 0.5, 0.975):
        y = quantile_of(mixture, q)
        assert np.all((y > 0) & (y < 1))
        found = mixture.cdf(y)
        for i in range(4):
            assert abs(found[i] - brute(mixture, y[i], i)) < 1e-6
            below, above = (brute(mixture, np.clip(y[i] + h, 0, 1), i) for h in (-1e-9, 1e-9))
            assert below - 1e-6 < q < above + 1e-6


def test_exact_for_a_gaussian_response():
    rng = np.random.default_rng(0)
    mean, sd = rng.normal(size=30), rng.uniform(0, 4, 30)
    mixture = NormalMixture.of(Gaussian(), [mean, np.array([1.3])], sd)
    total = np.hypot(sd, np.exp(-0.65))
    found = quantile_of(mixture, norm.cdf(-1.7))
    assert_allclose(found, mean - 1.7 * total, atol=1e-5 * total.max())
    assert_allclose(mixture.cdf(mean + total), norm.cdf(1), atol=1e-6)


def test_a_density_is_the_derivative_of_its_cdf():
    y = np.array([0.2, 0.6, 0.9])
    for sd in (0.2, 1.5):
        mixture = NormalMixture.of(Beta(), [np.array([-1.0, 0, 2]), np.log([9.0])], np.full(3, sd))
        slope = (mixture.cdf(y + 1e-4) - mixture.cdf(y - 1e-4)) / 2e-4
        assert_allclose(mixture.cdf_and_density(y)[1], slope, rtol=1e-3)


@dataclass(frozen=True)
class BesideMass:
    """A mass at 0, and next to nothing between it and a logistic distribution on the logit."""

    mass: np.ndarray
    center: np.ndarray
    scale: np.ndarray
    start: float

    def take(self, rows):
        parts = (part[rows] for part in (self.mass, self.center, self.scale))
        return BesideMass(*parts, self.start)

    def guess(self, z):
        return np.full(len(z), self.start)

    def cdf_and_density(self, y):
        t = (logit(y) - self.center) / self.scale
        slope = expit(t) * expit(-t) / (self.scale * y * (1.0 - y))
        return self.mass + (1.0 - self.mass) * expit(t), (1.0 - self.mass) * slope


@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_quantiles_beside_a_mass_are_found_from_any_start(start):
    rng = np.random.default_rng(8)
    mass, center = rng.uniform(0.05, 0.9, 200), rng.normal(-2.0, 3.0, 200)
    scale, share = rng.uniform(0.1, 2.0, 200), rng.uniform(1e-4, 1.0 - 1e-4, 200)
    transform = SupportTransform(Beta().support)
    mixture = BesideMass(mass, center, scale, start)
    found = solve(mixture, ndtri(mass + (1.0 - mass) * share), transform).x
    reached = mass + (1.0 - mass) * expit((found - center) / scale)
    assert_allclose(reached, mass + (1.0 - mass) * share, atol=1e-6)


# --- predictions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal"])
def test_the_cdf_at_a_quantile_is_its_probability(study, kind):
    model, frame = study
    rows = frame.assign(g=frame["g"].where(frame.index % 2 > 0, 99))
    design, plan = rows_of(model, rows, kind)
    quantiles = predict_quantile(model.fit_, design, plan, Q)
    assert quantiles.shape == (300, 7)
    for q, y in zip(Q, quantiles.T, strict=True):
        found = predictive_cdf(model.fit_, design, plan, y)
        last = y == np.nextafter(1.0, 0.0)  # the rest of the probability has no number
        assert last.mean() < 0.01
        assert_allclose(found[~last], q, atol=1e-6)
        assert np.all(found[last] < q)


def test_probabilities_integrate_over_estimates_modes_and_unseen_levels(study):
    model, frame = study
    rows = frame.iloc[[5, 100]].assign(g=[0, 99])
    fit, (design, plan) = model.fit_, rows_of(model, rows)
    shift = shift_covariance(fit, design, plan, 0, 0)
    variance = linear_variance(fit, design, (0,)) + shift
    eta = linear_predictors(fit, design, (0,))
    found = predictive_cdf(fit, design, plan, np.array([0.4, 0.7]))
    for i, y in enumerate((0.4, 0.7)):
        shifted = [eta[0][i] + np.sqrt(variance[i]) * NODES, eta[1][:1]]
        assert_allclose(found[i], fit.family.cdf(np.full(8001, y), shifted) @ WEIGHTS, atol=1e-7)


def test_without_inference_quantiles_are_those_of_simulated_responses(study):
    model, frame = study
    rows = frame.head(6).assign(g=[0, 1, 2, 99, 99, 99])
    fit, parts = replace(model.fit_, uncertainty=None), rows_of(model, rows)
    often = rows_of(model, rows.loc[rows.index.repeat(100)])  # few would be drawn one by one
    draws = sample(fit, *often, 400, np.random.default_rng(1), new_effects=False).reshape(6, -1)
    quantiles = predict_quantile(fit, *parts, [0.05, 0.5, 0.9])
    for q, y in zip([0.05, 0.5, 0.9], quantiles.T, strict=True):
        share = np.mean(draws <= y[:, None], axis=1)
        assert_allclose(share, q, atol=5 * np.sqrt(q * (1 - q) / 40_000))


@pytest.mark.parametrize("spread", [1.0, pytest.param(40.0, marks=pytest.mark.slow)])
def test_quantiles_increase_inside_the_support(study, spread):
    model, frame = study
    parts = rows_of(model, frame.assign(x=spread * frame["x"], g=99))
    quantiles = predict_quantile(model.fit_, *parts, [1e-9, *Q, 1 - 1e-9])
    assert np.all((quantiles > 0) & (quantiles < 1))
    assert np.all(np.diff(quantiles, axis=1) >= 0)
    shuffled = predict_quantile(model.fit_, *parts, [0.9, 0.1, 0.5])
    ordered = predict_quantile(model.fit_, *parts, [0.1, 0.5, 0.9])
    assert_allclose(shuffled, ordered[:, [2, 0, 1]], rtol=1e-9)


def test_an_interval_has_equal_tails(study):
    model, frame = study
    parts = rows_of(model, frame)
    limits = np.stack(response_interval(model.fit_, *parts, 0.9), axis=1)
    assert_allclose(limits, predict_quantile(model.fit_, *parts, [0.05, 0.95]), atol=1e-9)


def test_rows_are_solved_one_by_one_and_chunks_change_little(study, monkeypatch):
    model, frame = study
    rows = frame.assign(g=frame["g"].where(frame.index % 3 > 0, 99))
    design, plan = rows_of(model, rows)
    together = predict_quantile(model.fit_, design, plan, [0.1, 0.9])
    one = predict_quantile(model.fit_, design.take(slice(3, 4)), plan, [0.1, 0.9])
    assert_allclose(one, together[3:4], atol=1e-6)
    monkeypatch.setattr(quantile_module, "CHUNK", 17)
    monkeypatch.setattr(quantile_module, "CELLS", 100)
    assert_allclose(predict_quantile(model.fit_, design, plan, [0.1, 0.9]), together, atol=1e-6)


def test_no_rows_and_no_probabilities_have_empty_answers(study):
    model, frame = study
    design, plan = rows_of(model, frame)
    none = design.take(slice(0, 0))
    assert predict_quantile(model.fit_, none, plan, [0.5]).shape == (0, 1)
    assert predictive_cdf(model.fit_, none, plan, np.empty(0)).shape == (0,)
    assert predict_quantile(model.fit_, design, plan, []).shape == (300, 0)


def test_levels_without_an_answer_are_nan(study):
    model, _ = study
    parts = rows_of(model, pd.DataFrame({"x": 0.0, "g": [1, 99]}), new_groups="nan")
    assert_array_equal(np.isnan(predict_quantile(model.fit_, *parts, [0.5]))[:, 0], [False, True])
    found = predictive_cdf(model.fit_, *parts, np.full(2, 0.5))
    assert_array_equal(np.isnan(found), [False, True])


@pytest.mark.parametrize("q", [0.0, 1.0, -0.1, np.nan])
def test_probabilities_outside_are_refused(study, q):
    model, frame = study
    with pytest.raises(ValueError, match="must lie inside"):
        predict_quantile(model.fit_, *rows_of(model, frame), [0.5, q])


@pytest.mark.parametrize("n_others", [0, 1])
def test_quantiles_of_a_row_are_its_own_whatever_the_other_rows(n_others):
    """Slow and fast rows, and shifts of the other predictors of every size."""
    sd = np.array([0.0, 0.01, 0.2, 0.4, 0.5, 1.0, 1.3, 1.6, 3.0])
    loadings = np.zeros((9, 2, 1)) + np.array([0.1, 0.3])[:, None] * sd[:, None, None]
    shift = NormalShift(sd, (1,), loadings) if n_others else of_first(sd)
    eta = np.stack([np.linspace(-1.0, 1.0, 9), np.full(9, 1.5)])
    normals = quantile_module._Normals(Beta(), eta, shift)
    whole = quantile_module._solved(normals, ndtri([0.025, 0.9])).x
    for row in range(9):
        alone = quantile_module._solved(normals.take(np.array([row])), ndtri([0.025, 0.9])).x
        assert_allclose(alone, whole[[row]], rtol=1e-10, atol=1e-12)


# --- tables ---------------------------------------------------------------------------------------


def of_first(sd):
    return NormalShift(sd, (), np.zeros((len(sd), 1, 0)))


def normals_of(link, phi, spread, phi_spread=0.0, n=12_000):
    """Rows whose linear predictors and standard deviations vary."""
    rng = np.random.default_rng(8)
    log_phi = np.log(phi) + phi_spread * rng.uniform(-1, 1, n)
    eta = np.stack([rng.normal(0, 0.5, n), log_phi])
    return quantile_module._Normals(
        Beta((LINKS[link], Log())), eta, of_first(rng.uniform(*spread, n))
    )


def assert_tabulated(normals, q, most_solved):
    """Check tables against row-by-row solutions, in units of the probability."""
    solved, count = quantile_module._solved, []

    def counted(part, z):
        count.append(len(part.shift.sd))
        return solved(part, z)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantile_module, "_solved", counted)
        found = quantile_module._positions(normals, ndtri(q))
    assert sum(count) < most_solved * len(normals.shift.sd)
    rows = np.unique([*np.arange(0, len(normals.shift.sd), 31), *normals.points.argmax(axis=0)])
    part, transform = normals.take(rows), SupportTransform(normals.family.support)
    exact = solved(part, ndtri(q)).x
    for j in range(len(q)):
        below = [np.empty(len(rows)), np.empty(len(rows))]
        for into, x in zip(below, (found[rows], exact), strict=True):
            for place, mixture in quantile_module._predictives(part, 1):
                into[place] = mixture.cdf(transform.response(x[place, j]))
        sayable = transform.response(exact[:, j]) < 1 - 1e-9  # nearer to 1 rounding moves the cdf
        assert sayable.any()
        assert_allclose(below[0][sayable], below[1][sayable], rtol=0, atol=1e-6)


SPREADS = {"estimates": (0.03, 0.15), "new groups": (0.0, 1.2)}
FEW = [("logit", 3000.0), ("cauchit", 2.0), ("cauchit", 3000.0)]
TABLES = [  # those that take longest are slow, but for some
    pytest.param(
        link,
        phi,
        spread,
        id=f"{link}-{phi}-{spread}",
        marks=[pytest.mark.slow] * (spread == "new groups" and (link, phi) not in FEW),
    )
    for link in LINKS
    for phi in (2.0, 12.0, 3000.0)
    for spread in SPREADS
]


@pytest.mark.parametrize(("link", "phi", "spread"), TABLES)
def test_tables_are_as_good_as_solutions(link, phi, spread):
    assert_tabulated(normals_of(link, phi, SPREADS[spread]), [0.025, 0.975], 1.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "phi_spread"),
    [((0.0, 0.2), 0.0), ((0.1, 1.5), 0.0), ((0.0, 0.2), 0.5), ((0.6, 0.6), 3.0)],
    ids=str,
)
@pytest.mark.parametrize("phi", [0.8, 20.0, 1e5])
@pytest.mark.parametrize("link", LINKS)
def test_tables_are_as_good_as_solutions_wherever(link, phi, spread, phi_spread):
    normals = normals_of(link, phi, spread, phi_spread, n=40_000)
    solved_twice = 1.4  # a third of the rows on tables that fail, and all rows after that
    assert_tabulated(normals, [0.001, 0.5, 0.999], solved_twice)


def test_tables_of_three_numbers_are_as_good_as_solutions():
    normals = normals_of("logit", 40.0, (0.1, 0.4), phi_spread=0.3, n=30_000)
    assert_tabulated(normals, [0.1, 0.9], 0.5)


def test_a_table_of_one_number_takes_few_solutions():
    assert_tabulated(normals_of("logit", 40.0, (0.2, 0.2)), [0.1, 0.9], 0.05)


@pytest.mark.parametrize("far", [12.0, 1e3, 1e300])
def test_an_outlying_row_is_solved_by_itself(far):
    normals = normals_of("logit", 40.0, (0.1, 0.3))
    normals.eta[0, 77] = far
    assert_tabulated(normals, [0.1, 0.9], 0.25)
    found = quantile_module._positions(normals, ndtri([0.1, 0.9]))[[77]]
    assert_array_equal(found, quantile_module._solved(normals.take([77]), ndtri([0.1, 0.9])).x)


def test_tiny_quantiles_are_solved_to_the_same_probability():
    eta = np.linspace(-0.45, -0.2, 40)
    mixture = NormalMixture.of(
        Beta((LINKS["loglog"], Log())), [eta, np.log([0.8])], np.full(40, 0.2)
    )
    y = quantile_of(mixture, 0.001)
    assert y.min() < 1e-25
    assert_allclose(mixture.cdf(y), 0.001, rtol=0, atol=1e-9)


def test_tables_reach_the_bounds_as_solutions_do():
    n, z = 4000, ndtri([0.5, 0.9])
    eta = np.stack([np.linspace(-1.0, 9.0, n), np.full(n, np.log(2.0))])
    normals, transform = (
        quantile_module._Normals(Beta(), eta, of_first(np.full(n, 0.3))),
        SupportTransform(Beta.support),
    )
    found, exact = quantile_module._positions(normals, z), quantile_module._solved(normals, z).x
    assert not np.array_equal(found, exact)
    assert np.any(transform.response(exact) == np.nextafter(1.0, 0.0))
    assert_allclose(transform.response(found), transform.response(exact), rtol=0, atol=1e-6)
    last = transform.response(exact) > 1 - 1e-12
    assert_allclose(
        transform.response(found)[last], transform.response(exact)[last], rtol=0, atol=2e-15
    )


@pytest.mark.parametrize(
    "kind", ["conditional", "fixed", pytest.param("marginal", marks=pytest.mark.slow)]
)
def test_many_rows_have_the_quantiles_of_few(study, monkeypatch, kind):
    model, _ = study
    rng = np.random.default_rng(5)
    rows = pd.DataFrame({"x": rng.normal(size=2000), "g": rng.integers(0, 40, 2000)})
    rows.loc[4, "x"] = 9.0  # far from the others
    parts = rows_of(model, rows, kind)
    tabulated = predict_quantile(model.fit_, *parts, Q)
    monkeypatch.setattr(quantile_module, "FEW", 2001)
    solved = predict_quantile(model.fit_, *parts, Q)
    assert not np.array_equal(tabulated, solved)
    assert np.all(np.diff(tabulated, axis=1) >= 0)
    assert np.all((tabulated > 0) & (tabulated < 1))
    for q, y, exact in zip(Q, tabulated.T, solved.T, strict=True):
        inside = exact < 1 - 1e-9
        found = predictive_cdf(model.fit_, *parts, y)[inside]
        assert_allclose(found, q, rtol=0, atol=1e-6)


def test_many_rows_without_inference_or_answer(study):
    model, _ = study
    rng = np.random.default_rng(6)
    rows = pd.DataFrame({"x": rng.normal(size=3000), "g": rng.integers(10, 30, 3000)})
    fit, parts = replace(model.fit_, uncertainty=None), rows_of(model, rows, new_groups="nan")
    found = predict_quantile(fit, *parts, [0.2, 0.7])
    known = rows["g"].to_numpy() < 20
    assert_array_equal(np.isnan(found), np.repeat(~known[:, None], 2, axis=1))
    design, _ = parts
    eta, log_phi = linear_predictors(fit, design, (0,))
    exact = fit.family.quantile(0.7, [eta, log_phi])
    assert_allclose(fit.family.cdf(found[known, 1], [eta[known], log_phi[:1]]), 0.7, atol=1e-6)
    assert_allclose(found[known, 1], exact[known], atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
@pytest.mark.parametrize("new", [False, True])
def test_response_intervals_cover(new):
    rng, hits = np.random.default_rng(11), []
    for _ in range(200):
        frame, y, b = simulate(rng, n_groups=30, n_rows=8)
        model = BetaGLMMRegressor("x + (x | g)").fit(frame, y)
        rows = pd.DataFrame({"x": rng.normal(size=30), "g": np.arange(30)})
        effects = rng.normal(0, [0.8, 0.3], (30, 2)) if new else b
        response, _ = respond(rng, rows, effects)
        parts = rows_of(model, rows.assign(g=rows["g"] + 1000 * new))
        low, high = response_interval(model.fit_, *parts, 0.95)
        hits.append(np.mean((low < response) & (response < high)))
    assert 0.92 < np.mean(hits) < 0.97
