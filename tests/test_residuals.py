"""Residuals: against glmmTMB, the families' own distributions, and simulated studies."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import Gaussian, Term, design
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr
from scipy.stats import beta, binom, kstest, norm
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skglmm import BetaGLMMRegressor
from skglmm.covariance import Unstructured
from skglmm.datasets import load_petrol
from skglmm.estimators.reading.study_rows import study_rows
from skglmm.families import LINKS, Beta
from skglmm.fitting import Study, fit
from skglmm.inference import (
    Plan,
    deviance_residuals,
    pearson_residuals,
    quantile_residuals,
    simulated_residuals,
)
from skglmm.inference.residuals.distribution_tests import boundary_test, distribution_tests
from skglmm.inference.residuals.drawn import draw_effects
from skglmm.inference.residuals.misfit import effect_test, link_test, slope_test
from skglmm.inference.residuals.residuals import random_probability
from skglmm.inference.residuals.saturated import saturated
from skglmm.inspection import check_residuals, residuals

REFERENCE = Path(__file__).parent / "reference"


def make_study(seed, n_levels=24, n_rows=20, sd=0.7, slope_sd=0.0, link="logit", slope=0.5):
    """Rows of a random intercept, with slopes that vary if `slope_sd`, through a link."""
    rng = np.random.default_rng([7, seed])
    group = np.repeat(np.arange(n_levels), n_rows)
    x = rng.normal(size=len(group))
    slopes = slope + rng.normal(0, slope_sd, n_levels)
    eta = 0.3 + slopes[group] * x + rng.normal(0, sd, n_levels)[group]
    mu = np.clip(LINKS[link].inverse(eta).value, 1e-6, 1 - 1e-6)
    y = np.clip(rng.beta(8 * mu, 8 * (1 - mu)), 1e-9, 1 - 1e-9)
    return pd.DataFrame({"x": x, "g": group}), y


@pytest.fixture(scope="module")
def petrol():
    X, y = load_petrol(return_X_y=True)
    return BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y), X, y.to_numpy()


@pytest.fixture(scope="module")
def study():
    X, y = make_study(0)
    return BetaGLMMRegressor("x + (1 | g)").fit(X, y), X, y


@pytest.mark.parametrize("kind", ["response", "pearson"])
@pytest.mark.parametrize(
    ("name", "formula", "precision"),
    [
        ("petrol-random-intercept", "EPc + (1 | batch)", "1"),
        ("petrol-precision", "EPc + (1 | batch)", "EPc"),
        ("crossed-slopes", "x + (x | subject) + (x | item)", "1"),
    ],
)
def test_response_and_pearson_residuals_are_those_of_glmmtmb(
    name, formula, precision, kind, reference_data
):
    frame = reference_data(name)
    y = frame["yield" if name.startswith("petrol") else "y"].to_numpy()
    X = frame.drop(columns=["yield", "Y", "y"], errors="ignore")
    model = BetaGLMMRegressor(formula, precision=precision).fit(X, y)
    reference = json.loads((REFERENCE / "residuals.json").read_text(encoding="utf-8"))
    expected = reference["fits"][name]
    found = residuals(model, X, y, kind=kind)[expected["row_0based"]]
    assert_allclose(found, expected[kind], atol=1e-7, rtol=0)


def test_response_residuals_are_y_less_what_predict_says(petrol):
    model, X, y = petrol
    assert_allclose(residuals(model, X, y), y - model.predict(X))
    marginal = y - model.predict(X, kind="marginal")
    assert_allclose(residuals(model, X, y, conditional=False), marginal)


def test_unconditional_pearson_residuals_know_the_variance_between_groups(petrol):
    model, X, y = petrol
    mean, std = model.predict(X, kind="marginal", return_std=True)
    found = residuals(model, X, y, kind="pearson", conditional=False)
    assert_allclose(found, (y - mean) / std)


def test_quantile_residuals_are_normal_quantiles_of_the_beta_cdf(petrol):
    model, X, y = petrol
    phi = np.exp(model.precision_coef_[0])
    mu = model.predict(X) / 100
    u = beta.cdf(y / 100, mu * phi, (1 - mu) * phi)
    assert_allclose(residuals(model, X, y, kind="quantile"), norm.ppf(u), atol=1e-9)


def test_unconditional_quantile_residuals_integrate_over_the_effects(study):
    model, X, y = study
    phi, sd = np.exp(model.precision_coef_[0]), model.variance_components()["sd"][0]
    eta = model.predict_linear(X, kind="fixed")[:40, None]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    mu = expit(eta + sd * nodes)
    u = beta.cdf(y[:40, None], mu * phi, (1 - mu) * phi) @ weights / weights.sum()
    found = residuals(model, X, y, kind="quantile", conditional=False)[:40]
    assert_allclose(ndtr(found), u, atol=2e-6)  # the tolerance of predictive_cdf


def test_residuals_are_finite_however_far_the_response_is(petrol):
    model, X, y = petrol
    far = np.where(np.arange(len(y)) % 2, 1e-13, 100 * (1 - 2**-53))
    for kind in ("quantile", "deviance", "pearson"):
        assert np.isfinite(residuals(model, X, far, kind=kind)).all()
    for conditional in (True, False):
        found = residuals(model, X, far, kind="quantile", conditional=conditional)
        assert_array_equal(np.sign(found), np.where(np.arange(len(y)) % 2, -1, 1))


def test_residuals_of_new_rows_follow_new_groups():
    X, y = make_study(1, n_levels=6, n_rows=10)
    X["g"] = X["g"].map(str)
    model = BetaGLMMRegressor("x + (1 | g)", new_groups="nan").fit(X, y)
    other = X.head(20).assign(g=["0"] * 10 + ["new"] * 10)
    for kind in ("response", "pearson", "deviance", "quantile", "simulated"):
        found = residuals(model, other, y[:20], kind=kind, random_state=0)
        assert np.isfinite(found[:10]).all()
        assert np.isnan(found[10:]).all()
    averaged = model.set_params(new_groups="marginal")
    both = (
        residuals(averaged, other, y[:20], kind="quantile", conditional=c) for c in (True, False)
    )
    conditional, unconditional = both
    assert_allclose(conditional[10:], unconditional[10:])
    assert not np.allclose(conditional[:10], unconditional[:10])


# Deviance residuals


@pytest.mark.parametrize("far", [1.0, 6.0])  # where the search begins
@pytest.mark.parametrize("link", LINKS)
def test_the_saturated_mean_maximizes_the_density_of_its_row(link, far):
    rng = np.random.default_rng(3)
    family = Beta((LINKS[link], Beta().links[1]))
    y = np.concatenate([rng.uniform(size=12), [1e-8, 1 - 1e-8, 0.5]])
    eta = (rng.normal(0.0, far, size=len(y)), rng.normal(1.0, 2.0, size=len(y)))
    prepared = family.prepare(y)
    best = saturated(family, prepared, eta)
    for i in range(len(y)):

        def loss(t, i=i):
            point = (np.array([t]), eta[1][i : i + 1])
            return -family.log_density(prepared[:, i : i + 1], point).value[0]

        low, high = np.clip(family.links[0].reach, -40, 40)
        found = minimize_scalar(
            loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10}
        )
        assert best.value[i] >= -found.fun - 1e-9


@pytest.mark.parametrize("far", [1.0, 6.0, 12.0])
@pytest.mark.parametrize("link", LINKS)
def test_the_saturated_mean_is_found_from_anywhere(link, far):
    rng = np.random.default_rng(0)
    family = Beta((LINKS[link], Beta().links[1]))
    y = np.clip(rng.beta(0.3, 0.3, size=2000), 1e-12, 1 - 1e-12)
    eta = (rng.normal(0, far, 2000), rng.normal(1, 2, 2000))
    prepared = family.prepare(y)
    best = saturated(family, prepared, eta)
    found = family.log_density(prepared, [best.eta, eta[1]], 2)
    assert (found.hess[0] < 0).all()
    assert np.max(found.grad[0] ** 2 / -found.hess[0]) < 1e-10  # twice what a step would gain


def test_the_deviance_residual_of_a_normal_response_is_pearsons():
    rng = np.random.default_rng(5)
    x, g = rng.normal(size=60), np.repeat(np.arange(6), 10)
    y = 1.0 + x + rng.normal(size=6)[g] + rng.normal(size=60)
    made = design([[np.ones(60), x], [np.ones(60)]], Term("g", g, (np.ones(60),), Unstructured(1)))
    found = fit(Gaussian(), made, y)
    plan = Plan.of(made.layout, "conditional", "fixed")
    expected = pearson_residuals(found, made, y)
    assert_allclose(deviance_residuals(found, made, y, plan), expected, atol=1e-6)


def test_deviance_residuals_grow_with_the_response(petrol):
    model, X, _ = petrol
    grid = np.linspace(0.1, 99.9, 300)
    rows = X.iloc[[3] * len(grid)]
    found = residuals(model, rows, grid, kind="deviance")
    assert (np.diff(found) > 0).all()
    middle = np.abs(found) < 2
    assert np.diff(found[middle]).max() < 0.4  # no jump where the saturated mean is near y


# Randomization, where single values have a probability


@dataclass(frozen=True)
class Counted(Gaussian):
    """A normal response that is zero where it would be negative."""

    def cdf(self, y, eta):
        return np.where(y < 0, 0.0, super().cdf(y, eta))


def test_quantile_residuals_are_spread_over_point_masses_and_nowhere_else():
    rng = np.random.default_rng(2)
    n = 4000
    made = design([[np.ones(n)], [np.ones(n)]])
    y = rng.normal(0.5, 1.0, size=n)
    found = fit(Gaussian(), made, y)
    counted = type(found)(**{**vars(found), "family": Counted()})
    censored, plan = np.maximum(y, 0.0), Plan.of(made.layout, "fixed", "fixed")
    first, second = (
        quantile_residuals(counted, made, censored, plan, np.random.default_rng(s)) for s in (0, 1)
    )
    at_zero = censored == 0.0
    assert_array_equal(first[~at_zero], second[~at_zero])
    assert (first[at_zero] != second[at_zero]).all()
    assert kstest(first, "norm").pvalue > 0.05  # a true model but for the estimates
    below = ndtr(-found.beta[0][0] * np.exp(found.beta[1][0] / 2))
    assert ndtr(first[at_zero]).max() < below


def test_probabilities_of_rows_are_spread_over_point_masses():
    rng = np.random.default_rng(3)
    y, eta = np.maximum(rng.normal(size=4000), 0.0), (np.zeros(4000), np.zeros(1))
    found = random_probability(Counted(), y, eta, np.random.default_rng(0))
    assert kstest(found, "uniform").pvalue > 0.05
    assert_allclose(found[y > 0], ndtr(y[y > 0]))


# Simulated residuals


def test_simulated_residuals_count_the_simulations_below():
    rng = np.random.default_rng(0)
    y, draws = rng.normal(size=5), rng.normal(size=(5, 99))
    draws[2] = y[2]
    found = simulated_residuals(y, lambda m: draws[:, :m], 99, np.random.default_rng(1))
    below = (draws < y[:, None]).sum(axis=1)
    uniform = np.random.default_rng(1).random(5)
    ties = np.array([1, 1, 100, 1, 1])
    assert_allclose(found, (below + uniform * ties) / 100)


def test_simulated_residuals_of_a_true_model_are_uniform_in_groups_too():
    X, y = make_study(4, n_levels=300, n_rows=4)
    model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
    rows = residuals(model, X, y, kind="simulated", conditional=False, random_state=0)
    groups = residuals(model, X, y, kind="simulated", conditional=False, random_state=0, by="g")
    assert list(groups.index) == list(range(300))
    assert 0 < rows.min() < rows.max() < 1
    for found in (rows, groups.to_numpy()):
        assert kstest(found, "uniform").pvalue > 0.05


def test_means_of_groups_rank_as_means_of_their_simulations(study):
    model, X, y = study
    found = residuals(model, X, y, kind="simulated", random_state=3, by="g", n_simulations=400)
    draws = model.sample_y(X, n_samples=4000, random_state=1)
    sums = pd.DataFrame(draws).groupby(X["g"].to_numpy()).sum().to_numpy()
    expected = (sums < pd.Series(y).groupby(X["g"].to_numpy()).sum().to_numpy()[:, None]).mean(1)
    assert_allclose(found, expected, atol=0.12)  # four standard errors of 400 simulations


def test_conditional_simulations_keep_the_modes(study):
    model, X, y = study
    known = residuals(model, X, y, kind="simulated", random_state=0, n_simulations=500)
    exact = ndtr(residuals(model, X, y, kind="quantile"))
    assert np.abs(known - exact).max() < 0.1  # four standard errors
    new = residuals(
        model, X, y, kind="simulated", random_state=0, n_simulations=500, conditional=False
    )
    assert np.abs(new - known).max() > 0.2


# What is refused


def test_residuals_refuse_what_does_not_exist(petrol):
    model, X, y = petrol
    with pytest.raises(ValueError, match="did you mean 'pearson'"):
        residuals(model, X, y, kind="person")
    with pytest.raises(ValueError, match="no unconditional version"):
        residuals(model, X, y, kind="deviance", conditional=False)
    with pytest.raises(ValueError, match="take kind='simulated'"):
        residuals(model, X, y, by="batch")
    with pytest.raises(ValueError, match="did you mean 'batch'"):
        residuals(model, X, y, kind="simulated", by="Batch")
    with pytest.raises(NotFittedError):
        residuals(BetaGLMMRegressor("EP"), X, y)
    with pytest.raises(TypeError, match="conditional='marginal' must be True or False"):
        residuals(model, X, y, kind="quantile", conditional="marginal")
    with pytest.raises(TypeError, match="StandardScaler"):
        residuals(StandardScaler(), X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        residuals(model, X, y[:-1])


def test_residuals_look_through_a_pipeline(petrol):
    _, X, y = petrol
    scale = ColumnTransformer(
        [("scale", StandardScaler(), ["EP"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    pipeline = make_pipeline(scale, BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)))
    pipeline.fit(X, y)
    assert_allclose(residuals(pipeline, X, y), y - pipeline.predict(X))
    assert check_residuals(pipeline, X, y, random_state=0)["link"].p_value > 0.01


# Tests of residuals


def test_drawn_effects_have_the_covariance_of_the_effects_given_the_data():
    rng = np.random.default_rng(0)
    x, g, h = rng.normal(size=80), np.repeat(np.arange(8), 10), np.tile(np.arange(5), 16)
    y = x + rng.normal(size=8)[g] + rng.normal(size=5)[h] + rng.normal(size=80)
    terms = (
        Term("g", g, (np.ones(80), x), Unstructured(2)),
        Term("h", h, (np.ones(80),), Unstructured(1)),
    )
    made = Study.of(Gaussian(), design([[np.ones(80), x], [np.ones(80)]], *terms), y)
    here = made.problem.evaluate(np.array([0.0, 1.0, 0.0, 0.9, 0.2, 0.4, 0.8]))
    flat = [
        np.concatenate([part.ravel() for part in draw_effects(made.problem, here.mode, rng)])
        for _ in range(20_000)
    ]
    mean = np.concatenate([part.ravel() for part in made.problem.join(here.mode.point.u)])
    # H = I + A'A by hand: the log precision is 0, so that W is the identity
    z = [np.zeros((80, 8)), np.zeros((80, 8)), np.zeros((80, 5))]
    lower = np.array([[0.9, 0.0], [0.2, 0.4]])
    centered = made.design.columns[0]
    for c in range(2):
        z[c][np.arange(80), g] = centered @ lower[:, c]
    z[2][np.arange(80), h] = 0.8
    loadings = np.hstack(z)
    expected = np.linalg.inv(np.eye(21) + loadings.T @ loadings)
    assert_allclose(np.mean(flat, axis=0), mean, atol=0.03)
    assert_allclose(np.cov(np.array(flat).T), expected, atol=0.015)  # of variances up to 0.5


def checked(formula="x + (1 | g)", by="g", seed=0, **changes):
    X, y = make_study(seed, **changes)
    model = BetaGLMMRegressor(formula, inference=False).fit(X, y)
    return check_residuals(model, X, y, by=by, random_state=seed)


def test_a_missing_effect_has_its_size_in_the_check():
    found = checked("x", sd=0.4)["missing effect"]
    assert found.subject == "g"
    assert 0.25 < found.effect < 0.55
    assert found.p_value < 1e-6
    assert "'g'" in found.sentence


def test_a_missing_slope_has_its_size_in_the_check():
    found = checked(slope_sd=0.4)["missing slope"]
    assert found.subject == "x | g"
    assert 0.25 < found.effect < 0.55
    assert found.p_value < 1e-6


def test_a_wrong_link_has_its_size_in_the_check():
    found = checked(link="cloglog", slope=1.0)["link"]
    assert found.p_value < 1e-4
    assert 0.1 < found.effect < 0.6


def test_checks_know_the_scale_of_the_column(study):
    _, X, y = study
    plain = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    scaled = X.assign(x=1000 * X["x"] + 5e4)
    other = BetaGLMMRegressor("x + (1 | g)").fit(scaled, y)
    first = check_residuals(plain, X, y, by="g", random_state=0)
    second = check_residuals(other, scaled, y, by="g", random_state=0)
    assert_allclose([t.effect for t in first.tests], [t.effect for t in second.tests], atol=1e-4)


def test_checks_print_and_turn_into_tables(study):
    model, X, y = study
    found = check_residuals(model, X, y, by="g", random_state=0)
    assert "missing slope" in str(found)
    assert repr(found) == str(found)
    assert found._repr_html_().count("<tr>") == 1 + len(found.tests)
    frame = found.to_frame()
    assert list(frame.columns) == ["name", "subject", "effect", "p_value", "sentence"]
    assert found["uniformity"] in found.tests
    with pytest.raises(KeyError, match="there is no test 'slope'"):
        found["slope"]


def test_slopes_are_compared_where_at_least_two_levels_have_one():
    X, y = make_study(5)
    for n_levels, n_tests in ((1, 0), (2, 1)):
        inside = X["g"].to_numpy() < n_levels
        column = np.where(inside & (np.arange(len(X)) % 20 < 5), "s", "n")
        model = BetaGLMMRegressor("k + (1 | g)", inference=False).fit(X.assign(k=column), y)
        found = check_residuals(model, X.assign(k=column), y, random_state=0).to_frame()
        slopes = found[found["name"] == "missing slope"]
        assert len(slopes) == n_tests
        assert (slopes["p_value"] < 1).all()


def test_a_single_wild_row_is_far_away():
    X, y = make_study(4)
    y[50] = 1e-6
    model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
    found = check_residuals(model, X, y, random_state=0)
    assert found["outliers"].p_value > 0.05  # one is not many
    assert found["farthest"].p_value < 1e-6
    assert found["farthest"].effect == found.residual[50] < -6
    assert "at position 50" in found["farthest"].sentence


def test_columns_of_arrays_are_grouped_by_position_or_name(study):
    _, X, y = study
    array = X.to_numpy(dtype=float)
    model = BetaGLMMRegressor("x0", inference=False).fit(array, y)
    found = check_residuals(model, array, y, by=1, random_state=0)["missing effect"]
    assert found.subject == "x1"
    assert found == check_residuals(model, array, y, by="x1", random_state=0)["missing effect"]
    first, second = (
        residuals(model, array, y, kind="simulated", by=by, random_state=0) for by in (1, "x1")
    )
    assert_array_equal(first, second)


def test_all_unused_labels_are_tried_once():
    X, y = make_study(2)
    X = X.assign(h=X["g"].map(lambda g: f"level {g}"), day=np.tile(np.arange(5), 96), z=X["x"] + 1)
    model = BetaGLMMRegressor("x").fit(X, y)
    found = check_residuals(model, X, y, random_state=0).to_frame()
    missing = found[found["name"] == "missing effect"].set_index("subject")["p_value"]
    assert list(missing.index) == ["g", "day"]
    assert missing["g"] < 1e-6 < missing["day"]


def test_responses_on_a_bound_are_counted():
    X, y = make_study(3)
    y[:30], y[30:33] = 0.0, 1.0
    model = BetaGLMMRegressor("x + (1 | g)", boundary=1e-3).fit(X, y)
    found = check_residuals(model, X, y, random_state=0)
    rows = {test.subject: test for test in found.tests if test.name == "inflation"}
    low = rows["lower bound"]
    assert low.p_value < 1e-6
    assert "30 of 480" in low.sentence
    assert 0.03 < low.effect < 0.0625
    assert "3 of 480" in rows["upper bound"].sentence
    plain = BetaGLMMRegressor("x").fit(X, y.clip(1e-4, 1 - 1e-4))
    names = check_residuals(plain, X, y.clip(1e-4, 1 - 1e-4)).to_frame()["name"]
    assert "inflation" not in set(names)


@dataclass(frozen=True)
class Fixed:
    """Rows with residuals that a test has chosen."""

    residual: np.ndarray
    eta: tuple
    y: np.ndarray
    family: object
    steepness: np.ndarray
    fixed: np.ndarray

    @property
    def location(self):
        return self.eta[0]

    @property
    def scaled(self):
        return self.residual

    @property
    def score(self):
        return self.steepness * self.scaled


def fixed_rows(rng, n=2000):
    eta = rng.normal(size=n)
    fixed = np.column_stack([np.ones(n), rng.normal(size=n)])
    weight = rng.uniform(0.5, 1.5, size=n)
    return Fixed(rng.normal(size=n), (eta, np.ones(1)), np.full(n, 0.5), Beta(), weight, fixed)


def test_p_values_of_independent_normal_residuals_are_uniform():
    rng = np.random.default_rng(8)
    values, sizes = [], []
    codes = np.sort(rng.integers(0, 15, size=2000))
    for _ in range(400):
        rows = fixed_rows(rng)
        tests = [
            *distribution_tests(rows),
            link_test(rows, "logit"),
            effect_test(rows, codes, "g"),
            slope_test(rows, codes, "g", rows.fixed[:, 1], "x"),
        ]
        values.append([test.p_value for test in tests if test.name != "outliers"])
        sizes.append([test.effect for test in tests[-2:]])
    for column in np.array(values).T:
        assert kstest(column, "uniform").pvalue > 1e-3
    # a variance of zero is estimated as zero in more than half of the cases, as chi-squared is
    assert_allclose(np.mean(np.array(sizes) == 0, axis=0), 0.55, atol=0.08)


def test_slopes_are_those_within_levels():
    rng = np.random.default_rng(4)
    codes = np.sort(rng.integers(0, 20, size=2000))
    values = []
    for _ in range(100):
        rows = fixed_rows(rng)
        x = 3 * rng.normal(size=20)[codes] + rows.fixed[:, 1]
        shifted = rows.residual + rng.normal(size=20)[codes]  # levels differ, slopes do not
        rows = type(rows)(**{**vars(rows), "residual": shifted, "steepness": np.ones(2000)})
        values.append(slope_test(rows, codes, "g", x, "x").p_value)
    assert kstest(values, "uniform").pvalue > 1e-3


def test_the_numbers_of_distribution_tests_are_what_they_are_called():
    rng = np.random.default_rng(9)
    rows = fixed_rows(rng)
    wide = rng.normal(0, np.exp(0.1 * rows.eta[0])) * 1.2
    changed = type(rows)(**{**vars(rows), "residual": wide})
    found = {test.name: test for test in distribution_tests(changed)}
    for shift in (-0.2, 0.2):  # the largest distance lies above, and below
        moved = type(rows)(**{**vars(rows), "residual": wide + shift})
        distance = kstest(wide + shift, "norm").statistic
        assert_allclose(distribution_tests(moved)[0].effect, distance, rtol=1e-9)
    assert_allclose(found["uniformity"].p_value, kstest(wide, "norm").pvalue, rtol=0.1)
    assert_allclose(found["dispersion"].effect, np.mean(wide**2))
    assert found["dispersion"].p_value < 1e-6
    assert 0.15 < found["spread"].effect < 0.45  # 1.44 times (exp(0.2) - 1), about
    assert_allclose(found["outliers"].effect, np.mean(np.abs(wide) > norm.isf(1e-3)) / 2e-3)
    count = np.sum(np.abs(wide) > norm.isf(1e-3))
    assert_allclose(found["outliers"].p_value, binom.sf(count - 1, 2000, 2e-3))


@pytest.mark.parametrize("low", [True, False])
def test_counts_on_a_bound_have_the_distribution_of_their_probabilities(low):
    rng = np.random.default_rng(1)
    rows = fixed_rows(rng, 300)
    p = beta.cdf(0.2, expit(rows.eta[0]) * np.e, expit(-rows.eta[0]) * np.e)
    if not low:
        p = beta.sf(0.8, expit(rows.eta[0]) * np.e, expit(-rows.eta[0]) * np.e)
    chances = np.array([1.0])  # of each number of successes, row by row
    for each in p:
        chances = np.convolve(chances, [1.0 - each, each])
    bound, beyond = (0.2, 0.1) if low else (0.8, 0.9)
    for count in (int(p.sum()) - 12, int(p.sum()) + 10):
        y = np.where(np.arange(300) < count, beyond, 0.5)
        found = boundary_test(type(rows)(**{**vars(rows), "y": y}), bound, low=low)
        tail = chances[: count + 1].sum() if count < p.sum() else chances[count:].sum()
        # a binomial with the same mean and variance; a count more or less is 0.02
        assert_allclose(found.p_value, 2 * tail, atol=2e-3)
        assert_allclose(found.effect, (count - p.sum()) / 300)


# Simulated studies


@pytest.mark.slow
def test_residuals_of_true_models_pass_at_the_nominal_rate():
    refused = {"quantile": 0, "unconditional": 0, "checks": 0}
    n = 200
    for seed in range(n):
        X, y = make_study(seed, n_levels=100, n_rows=6)
        model = BetaGLMMRegressor("x + (1 | g)", inference=False).fit(X, y)
        found = check_residuals(model, X, y, by="g", random_state=seed)
        refused["checks"] += found["uniformity"].p_value < 0.05
        refused["quantile"] += kstest(found.residual, "norm").pvalue < 0.05
        far = residuals(model, X, y, kind="quantile", conditional=False)[::6]  # independent rows
        refused["unconditional"] += kstest(far, "norm").pvalue < 0.05
    # parameters are estimated, so that refusals are rarer than 5 % of 200; 18 is five above
    assert max(refused.values()) <= 18


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "formula", "changes"),
    [
        ("missing slope", "x + (1 | g)", {"slope_sd": 0.3}),
        ("missing slope", "x + (1 | g)", {"slope_sd": 0.3, "n_levels": 8, "n_rows": 60}),
        ("missing effect", "x", {"sd": 0.3}),
        ("missing effect", "x", {"sd": 0.3, "n_levels": 8, "n_rows": 60}),
        ("link", "x + (1 | g)", {"link": "cloglog", "slope": 1.0}),
        ("link", "x + (1 | g)", {"link": "loglog", "slope": 1.0}),
        ("link", "x + (1 | g)", {"link": "cauchit", "slope": 1.0}),
    ],
)
def test_wrong_models_are_flagged(name, formula, changes):
    n = 100
    flagged = sum(checked(formula, seed=s, **changes)[name].p_value < 0.05 for s in range(n))
    assert flagged >= 0.8 * n


@pytest.mark.slow
def test_true_models_are_flagged_no_more_often_than_said():
    n, counts = 200, {}
    for seed in range(n):
        for test in checked(seed=seed).tests:
            counts[test.name] = counts.get(test.name, 0) + (test.p_value < 0.05)
    assert max(counts.values()) <= 20  # of 200; 5 % and three standard deviations


def test_rows_of_weight_zero_are_left_out_of_checks(study):
    _, X, y = study
    weights = np.where(np.arange(len(y)) < 20, 0.0, 1.0)
    model = BetaGLMMRegressor("x + (1 | g)").fit(X, y, sample_weight=weights)
    rows = study_rows(model, X, y, weights)
    assert len(rows.frame) == len(rows.study.y) == len(y) - 20
    found = check_residuals(model, X, y, sample_weight=weights, random_state=0)
    assert len(found.residual) == len(y) - 20
