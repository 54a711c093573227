"""Small and degenerate data: numbers are finite or somebody was told, and hang together."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

pytestmark = pytest.mark.slow

MASSES = {
    BetaGLMMRegressor: (),
    ZeroInflatedBetaGLMMRegressor: (0.0,),
    OneInflatedBetaGLMMRegressor: (1.0,),
    OrderedBetaGLMMRegressor: (0.0, 1.0),
    ZeroOneInflatedBetaGLMMRegressor: (0.0, 1.0),
    ExtendedBetaGLMMRegressor: (0.0, 1.0),
}
FORMULAS = ["x", "c", "x + (1 | g)", "x + c + (1 | g)", "x + (x | g)", "x + (1 | row)"]
PRECISIONS = ["1", "x", "c"]
SHAPES = ["beta", "constant", "separated", "two values"]


@st.composite
def cases(draw):
    """Draw an estimator with rows: few of them, odd weights, responses that tell little."""
    estimator = draw(st.sampled_from(list(MASSES)))
    most = 20 if estimator is ExtendedBetaGLMMRegressor else 160
    n = draw(st.integers(4, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "c": rng.choice(list("ab"), n),
            "g": rng.choice(list("pqrs"), n),
            "row": [f"r{i}" for i in range(n)],
        }
    )
    y = _responses(draw(st.sampled_from(SHAPES)), X, rng)
    for mass in MASSES[estimator]:
        y[rng.uniform(size=n) < draw(st.sampled_from([0.0, 0.2, 0.6]))] = mass
    weights = {
        "none": None,
        "spread": 10.0 ** rng.uniform(-2, 4, n),
        "counts": rng.integers(0, 4, n).astype(float),
    }[draw(st.sampled_from(["none", "spread", "counts"]))]
    formula, precision = draw(st.sampled_from(FORMULAS)), draw(st.sampled_from(PRECISIONS))
    return estimator(formula, precision=precision), X, y, weights, rng


def _responses(shape, X, rng):
    n = len(X)
    if shape == "constant":
        return np.full(n, 0.3)
    if shape == "two values":
        return rng.choice([0.2, 0.7], n)
    if shape == "separated":
        return np.where(X["c"] == "a", 1e-3, 0.9) * rng.uniform(0.99, 1.0, n)
    return rng.beta(1.5, 1.5, n)


def fitted(model, X, y, weights=None):
    """Return a fit with what it told, or None where it was refused in words."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            model = type(model)(**model.get_params()).fit(X, y, weights)
        except ValueError:
            return None, []
    return model, told


def quietly(call, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **kwargs)


def given_cases(n):
    def decorate(test):
        limits = settings(
            max_examples=n,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        return limits(given(cases())(test))

    return decorate


@given_cases(24)
def test_estimates_are_finite_or_somebody_was_told(case):
    model, X, y, weights, _ = case
    model, told = fitted(model, X, y, weights)
    if model is None:
        return
    assert model.converged_ or any("did not converge" in str(each.message) for each in told)
    assert np.isfinite(model.log_likelihood_)
    assert all(np.isfinite(beta).all() for beta in model.fit_.beta)
    errors = quietly(model.tidy)["std_error"]
    assert np.isfinite(errors).all() or told


@given_cases(16)
def test_the_order_of_the_rows_does_not_matter(case):
    model, X, y, weights, rng = case
    order = rng.permutation(len(y))
    one, _ = fitted(model, X, y, weights)
    two, _ = fitted(model, X.iloc[order], y[order], None if weights is None else weights[order])
    assert (one is None) == (two is None)
    if one is not None and one.converged_ and two.converged_:
        mass = 1.0 if weights is None else max(1.0, float(weights.sum()) / len(y))
        assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-6, atol=1e-3 * mass)


@given_cases(12)
def test_a_weight_of_two_is_a_row_twice(case):
    model, X, y, _, _ = case
    one, _ = fitted(model, X, y, np.full(len(y), 2.0))
    two, _ = fitted(model, pd.concat([X, X], ignore_index=True), np.concatenate([y, y]))
    if one is not None and two is not None and one.converged_ and two.converged_:
        assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-6, atol=1e-3)


@given_cases(12)
def test_names_and_units_do_not_matter(case):
    model, X, y, weights, _ = case
    other = type(model)(
        model.formula.replace("x", "`the x`"), precision=model.precision.replace("x", "`the x`")
    )
    one, _ = fitted(model, X, y, weights)
    two, _ = fitted(other, X.assign(x=X["x"] * 1e3 + 7).rename(columns={"x": "the x"}), y, weights)
    assert (one is None) == (two is None)
    if one is not None and one.converged_ and two.converged_:
        mass = 1.0 if weights is None else max(1.0, float(weights.sum()) / len(y))
        assert_allclose(one.log_likelihood_, two.log_likelihood_, rtol=1e-6, atol=1e-3 * mass)


@given_cases(16)
def test_points_lie_in_their_intervals_and_draws_in_the_support(case):
    model, X, y, weights, _ = case
    model, _ = fitted(model, X, y, weights)
    if model is None:
        return
    frame = quietly(model.predict_frame, X.head(5))
    frame = frame[["mean", "mean_ci_lower", "mean_ci_upper"]].dropna()
    assert (frame["mean"] >= frame["mean_ci_lower"] - 1e-9).all()
    assert (frame["mean"] <= frame["mean_ci_upper"] + 1e-9).all()
    limits = quietly(model.confint).dropna()
    assert (limits["estimate"] >= limits["conf_low"] - 1e-9).all()
    assert (limits["estimate"] <= limits["conf_high"] + 1e-9).all()
    draws = quietly(model.sample_y, X, n_samples=3, random_state=0)
    masses = np.isin(draws, MASSES[type(model)])
    assert ((draws > 0) & (draws < 1) | masses).all()


@given_cases(16)
def test_predictions_of_some_rows_are_those_of_all(case):
    model, X, y, weights, rng = case
    model, _ = fitted(model, X, y, weights)
    if model is None:
        return
    some = rng.choice(len(y), size=max(1, len(y) // 3), replace=False)
    whole = quietly(model.predict, X)
    assert_allclose(quietly(model.predict, X.iloc[some]), whole[some], rtol=1e-9, atol=1e-12)


@given_cases(16)
def test_rows_are_known_again_and_shares_are_shares(case):
    model, X, y, weights, _ = case
    model, _ = fitted(model, X, y, weights)
    if model is None:
        return
    found = quietly(model.r2, X, y, weights).to_frame()[["marginal", "conditional", "icc"]]
    assert ((found >= 0) & (found <= 1 + 1e-12) | found.isna()).all(axis=None)
    assert "Diagnosis of" in str(quietly(model.diagnose, X, y, weights))
