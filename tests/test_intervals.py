"""Standard errors of predictions equal glmmTMB's; intervals for means stay inside the bounds."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

# The models and their fits are those of the parity tests.
from test_parity import MODELS, RAW_SCALE, fitted, numbers  # noqa: F401

from skglmm import BetaGLMMRegressor
from skglmm.estimators._rows import build_rows
from skglmm.inference import Plan, predict
from skglmm.inference._intervals import mean_interval, predict_linear

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
    z = new.columns[0] @ model.fit_.roots[0]
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
        moved = replace(fit, beta=beta, theta=(shifted[n_beta:],), roots=(root,))
        return predict(moved, design, Plan.of(fit.layout, "marginal", "marginal")).mean

    steps = h * np.eye(len(vector))
    slopes = np.array([(mean_at(vector + e) - mean_at(vector - e)) / (2 * h) for e in steps]).T
    expected = np.sqrt(np.einsum("ip,pq,iq->i", slopes, fit.covariance, slopes))
    assert_allclose(mean_interval(fit, design, plan, 0.95).se, expected, rtol=1e-4)
