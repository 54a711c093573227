"""Standard errors of predictions equal glmmTMB's; intervals for means stay inside the bounds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

# The models and their fits are those of the parity tests.
from test_parity import MODELS, RAW_SCALE, fitted, numbers  # noqa: F401

from skglmm import BetaGLMMRegressor
from skglmm.estimators.reading.rows import build_rows
from skglmm.inference import Plan, linear_predictors, predict
from skglmm.inference.parameters.delta import linear_variance
from skglmm.inference.prediction import average_slopes
from skglmm.inference.prediction.intervals import mean_interval, predict_linear
from skglmm.inference.prediction.slopes import slope_in

CONVERGED = [name for name in MODELS if name not in {"crossed-mixed-columns", "dragons-weights"}]


def rows_of(model, frame, kind, new_groups="marginal"):
    return build_rows(model._spec, frame, kind, new_groups, model.context)


@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
@pytest.mark.filterwarnings("ignore:.*has no grouping factor.*:UserWarning")
@pytest.mark.parametrize("name", CONVERGED)
def test_standard_errors_of_predictions_equal_glmmtmb(name, fitted):  # noqa: F811
    model, theirs, data = fitted(name)
    expected = theirs["prediction"]
    rtol = 0.03 if name in RAW_SCALE else 0.01  # glmmTMB's own error on the raw scale: 2.7 %
    frame = data.iloc[expected["row_0based"]]
    design, plan = rows_of(model, frame, "conditional")
    assert_allclose(
        predict_linear(model.fit_, design, plan).std, numbers(expected["link_se"]), rtol=rtol
    )
    own = mean_interval(model.fit_, design, plan, 0.95)
    assert_allclose(own.se, numbers(expected["response_se"]), rtol=rtol)
    typical = mean_interval(model.fit_, *rows_of(model, frame, "fixed"), 0.95)
    assert_allclose(typical.se, numbers(expected["population_response_se"]), rtol=rtol)


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(np.arange(20), 15)})
    b = rng.normal(0, [0.8, 0.4], (20, 2))
    eta = 0.5 + 0.4 * frame["x"] + b[frame["g"], 0] + b[frame["g"], 1] * frame["x"]
    mean = 1 / (1 + np.exp(-eta.to_numpy()))
    y = rng.beta(9 * mean, 9 * (1 - mean))
    return BetaGLMMRegressor("x + (x | g)").fit(frame, y), frame


@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal"])
def test_limits_lie_inside_the_bounds_and_around_the_mean(study, kind):
    model, frame = study
    design, plan = rows_of(model, frame.assign(x=5 * frame["x"]), kind)
    found = mean_interval(model.fit_, design, plan, 0.99)
    assert np.all((found.lower > 0) & (found.lower < found.mean))
    assert np.all((found.mean < found.upper) & (found.upper < 1))


def test_a_level_never_seen_adds_its_variance_and_nothing_else(study):
    model, frame = study
    new, plan = rows_of(model, frame.assign(g=99), "conditional")
    typical, fixed = rows_of(model, frame, "fixed")
    z = new.columns[0] @ model.fit_.lambdas[0]
    expected = predict_linear(model.fit_, typical, fixed).std ** 2 + np.sum(z**2, axis=1)
    assert_allclose(predict_linear(model.fit_, new, plan).std ** 2, expected, rtol=1e-10)


def test_the_standard_error_of_an_average_is_its_change_with_the_estimates(study):
    model, frame = study
    design, plan = rows_of(model, frame.head(6), "marginal")
    fit, h = model.fit_, 1e-5
    vector, n_beta = np.concatenate([*fit.beta, *fit.theta]), 3

    def mean_at(shifted):
        root = fit.bases[0] @ fit.layout.factors[0].covariance.factor(shifted[n_beta:])
        beta = (shifted[:2], shifted[2:3])
        moved = replace(fit, beta=beta, theta=(shifted[n_beta:],), lambdas=(root,))
        return predict(moved, design, Plan.of(fit.layout, "marginal", "marginal")).mean

    steps = h * np.eye(len(vector))
    slopes = np.array([(mean_at(vector + e) - mean_at(vector - e)) / (2 * h) for e in steps]).T
    expected = np.sqrt(np.einsum("ip,pq,iq->i", slopes, fit.covariance, slopes))
    assert_allclose(mean_interval(fit, design, plan, 0.95).se, expected, rtol=1e-4)


@pytest.fixture(scope="module")
def crossed():
    """Three crossed factors with a slope each, and means far from the middle."""
    rng = np.random.default_rng(4)
    sizes = {"g": 20, "h": 12, "k": 7}
    frame = pd.DataFrame({name: rng.integers(0, size, 700) for name, size in sizes.items()})
    frame["x"] = rng.normal(size=700)
    eta = 1.5 + 0.4 * frame["x"].to_numpy()
    for name, size in sizes.items():
        b = rng.normal(0, [0.7, 0.4], (size, 2))[frame[name]]
        eta = eta + b[:, 0] + b[:, 1] * frame["x"].to_numpy()
    mean = 1 / (1 + np.exp(-eta))
    y = rng.beta(12 * mean, 12 * (1 - mean)).clip(1e-9, 1 - 1e-9)
    model = BetaGLMMRegressor("x + (x | g) + (x | h) + (x | k)").fit(frame, y)
    return model, frame, y


def test_the_posterior_of_three_factors_equals_dense_algebra(crossed):
    model, frame, y = crossed
    fit, (design, plan) = model.fit_, rows_of(model, frame, "conditional")
    eta = linear_predictors(fit, design, plan.conditioned)
    weights = -fit.family.log_density(fit.family.prepare(y), eta, 2).hess[0]
    loadings = np.hstack(
        [
            (design.columns[f] @ root)[:, c, None] * (design.codes[f][:, None] == np.arange(n))
            for f, root in enumerate(fit.lambdas)
            for n in [fit.u[f].shape[1]]
            for c in range(2)
        ]
    )
    dense = np.eye(loadings.shape[1]) + loadings.T @ (weights[:, None] * loadings)
    expected = np.einsum("iq,iq->i", loadings, np.linalg.solve(dense, loadings.T).T)
    nothing = np.zeros_like(fit.covariance)
    known = replace(fit, uncertainty=replace(fit.uncertainty, covariance=nothing))
    found = linear_variance(known, design, plan.conditioned)
    assert_allclose(found, expected, rtol=1e-6)


def test_the_average_over_three_factors_changes_with_the_estimates_as_it_says(crossed):
    model, frame, _ = crossed
    design, plan = rows_of(model, frame.head(5), "marginal")
    fit, h = model.fit_, 1e-5
    cuts = np.cumsum([len(part) for part in (*fit.beta, *fit.theta)])[:-1]

    def mean_at(vector):
        parts = np.split(vector, cuts)
        pairs = zip(fit.bases, fit.layout.factors, parts[2:], strict=True)
        roots = tuple(basis @ factor.covariance.factor(theta) for basis, factor, theta in pairs)
        moved = replace(fit, beta=tuple(parts[:2]), theta=tuple(parts[2:]), lambdas=roots)
        return predict(moved, design, plan).mean

    vector = np.concatenate([*fit.beta, *fit.theta])
    steps = h * np.eye(len(vector))
    slopes = np.array([(mean_at(vector + e) - mean_at(vector - e)) / (2 * h) for e in steps]).T
    expected = np.sqrt(np.einsum("ip,pq,iq->i", slopes, fit.covariance, slopes))
    assert_allclose(mean_interval(fit, design, plan, 0.95).se, expected, rtol=1e-5)


ETA = np.r_[np.linspace(-16.0, 3.0, 20), np.linspace(3.1, 16.0, 300)]  # means down to 1 - 1e-7
SLOPE = expit(ETA) * expit(-ETA)


def test_slopes_keep_digits_of_means_near_one():
    assert_allclose(slope_in(lambda eta: expit(eta[0]), [ETA], 0), SLOPE, rtol=1e-6)


@pytest.mark.parametrize("j", [0, 1])
def test_curvatures_keep_digits_of_means_near_one(j):
    def average(steps, rows=None):
        return expit((ETA if rows is None else ETA[rows]) + sum(steps.values()))

    exact = SLOPE * (1.0 - 2.0 * expit(ETA))
    assert_allclose(average_slopes._curvature(average, 0, j), exact, rtol=1e-6, atol=1e-11)
