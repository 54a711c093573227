"""Categories whose responses are all alike, where the precision depends on the category."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import logit

from skglmm import BetaGLMMRegressor, ZeroInflatedBetaGLMMRegressor
from skglmm.families import Beta
from skglmm.inspection import check_residuals

ALIKE = 0.25
CEILING = Beta.ceilings[1]
SAYS = re.escape("the precision of lab[b] is unbounded: its 20 responses are all 0.25")


def make_rows(seed=0):
    """Return rows of three labs, of which the second always measures the same."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"lab": np.repeat(["a", "b", "c"], 20), "x": rng.normal(size=60)})
    return X, np.where(X["lab"] == "b", ALIKE, rng.beta(4, 3, 60))


def fitted(estimator, X, y):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        return estimator.fit(X, y), [str(each.message) for each in told]


@pytest.fixture(scope="module")
def rows():
    return make_rows()


@pytest.fixture(scope="module")
def model(rows):
    return fitted(BetaGLMMRegressor("lab", precision="lab"), *rows)[0]


@pytest.fixture(scope="module")
def alone(rows):
    """The fits of the other labs, which share nothing with these."""
    X, y = rows
    return {lab: BetaGLMMRegressor("1").fit(X[X["lab"] == lab], y[X["lab"] == lab]) for lab in "ac"}


def test_the_category_is_named_and_the_fit_converges(rows):
    model, told = fitted(BetaGLMMRegressor("lab", precision="lab"), *rows)
    assert model.converged_
    assert len(told) == 1
    assert re.match(SAYS, told[0])
    assert re.search(SAYS, str(model.summary()))


def test_what_varies_within_the_category_is_pressed_to_zero_and_the_warning_says_so(rows):
    """That is the maximum of the likelihood under the ceiling, so no estimate to be trusted."""
    X, _ = rows
    rng = np.random.default_rng(8)
    mu = 1.0 / (1.0 + np.exp(-0.8 * X["x"]))
    y = np.where(X["lab"] == "b", ALIKE, rng.beta(12 * mu, 12 * (1 - mu)))
    model, told = fitted(BetaGLMMRegressor("lab + x", precision="lab"), X, y)
    others = (X["lab"] != "b").to_numpy()
    without = BetaGLMMRegressor("lab + x", precision="lab").fit(X[others], y[others])
    place = model.coef_names_.index("x")
    assert abs(model.coef_[place]) < 1e-3
    assert without.coef_[without.coef_names_.index("x")] > 0.5
    assert any("Whatever else varies among these rows" in text for text in told)


def test_the_others_are_those_of_fits_without_it(model, alone, rows):
    means = model.intercept_ + np.array([0.0, *model.coef_])
    wanted = [alone["a"].intercept_, logit(ALIKE), alone["c"].intercept_]
    assert_allclose(means, wanted, atol=2e-6)
    precisions = model.precision_coef_[0] + np.array([0.0, *model.precision_coef_[1:]])
    wanted = [alone["a"].fit_.beta[1][0], CEILING, alone["c"].fit_.beta[1][0]]
    assert_allclose(precisions, wanted, atol=2e-6)


def test_its_share_of_the_likelihood_is_that_of_a_beta_at_the_ceiling(model, alone):
    at = [np.array([logit(ALIKE)]), np.array([CEILING])]
    share = Beta().log_density(Beta().prepare(np.array([ALIKE])), at).value[0]
    others = sum(fit.log_likelihood_ for fit in alone.values())
    assert_allclose(model.log_likelihood_, others + 20 * share, rtol=1e-6)


@pytest.mark.parametrize("method", ["wald", "profile"])
def test_intervals_are_those_of_the_other_category(model, alone, rows, method):
    X, y = rows
    part = X["lab"] == "a"
    wanted = alone["a"].confint(X[part], y[part], method=method, parameters="Intercept")
    found = model.confint(X, y, method=method, parameters="Intercept")
    assert_allclose(found, wanted, atol=1e-4)


def test_diagnosis_residuals_and_shares_know_the_rows(model, rows):
    assert re.search(SAYS, str(model.diagnose(*rows)))
    assert check_residuals(model, *rows, random_state=0)
    assert np.isfinite(model.r2(*rows).to_frame()).all(axis=None)


@pytest.mark.parametrize("formula", ["0 + lab", "C(lab, contr.sum)", "lab + lab:x"])
def test_codings_and_other_columns_change_nothing(model, rows, formula):
    other, told = fitted(BetaGLMMRegressor("lab", precision=formula), *rows)
    assert any(re.match(SAYS, text) for text in told)
    assert other.converged_
    if "x" not in formula:
        assert_allclose(other.log_likelihood_, model.log_likelihood_, atol=1e-4)
        assert_allclose(other.predict(rows[0]), model.predict(rows[0]), atol=1e-6)


def test_the_order_of_the_rows_changes_nothing(model, rows):
    X, y = rows
    order = np.random.default_rng(1).permutation(60)
    other, _ = fitted(BetaGLMMRegressor("lab", precision="lab"), X.iloc[order], y[order])
    assert_allclose(other.log_likelihood_, model.log_likelihood_, atol=1e-4)
    assert_allclose(other.coef_, model.coef_, atol=1e-5)


def test_several_categories_are_held_and_named(rows):
    X, y = rows
    y = np.where(X["lab"] == "c", 0.5, y)
    model, told = fitted(BetaGLMMRegressor("lab", precision="lab"), X, y)
    assert model.converged_
    assert len(told) == 2
    assert any(re.match(SAYS, text) for text in told)
    assert any("lab[c] is unbounded: its 20 responses are all 0.5" in text for text in told)


def test_other_models_of_the_bounds_hold_them_as_well(rows):
    X, y = rows
    y = np.where(np.arange(60) % 7 == 0, 0.0, y)
    part = (X["lab"] != "b") & (y > 0)
    model, told = fitted(ZeroInflatedBetaGLMMRegressor("lab", precision="lab"), X, y)
    assert model.converged_
    assert any("the precision of lab[b] is unbounded" in text for text in told)
    other = BetaGLMMRegressor("lab", precision="lab").fit(X[part], y[part])
    assert_allclose(model.coef_[1], other.coef_[0], atol=1e-5)


def test_predictors_that_stay_below_their_ceiling_hold_nothing(rows):
    X, _ = rows
    y = np.random.default_rng(2).beta(4, 3, 60)
    model = BetaGLMMRegressor("lab + x", precision="lab + x").fit(X, y)
    assert model.fit_.caps == ()
    assert model.fit_.capped == ()
