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
from skglmm.fitting import dictated as _dictated
from skglmm.inspection import check_residuals

ALIKE = 0.25
CEILING = Beta().ceilings[1]
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
    """That is the maximum of the likelihood under the ceiling, with no standard errors."""
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
    assert np.isnan(model.tidy("fixed")["std_error"]).all()


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


@pytest.fixture(scope="module")
def varied():
    """Rows whose covariate and groups vary within the category, and which they are."""
    X, _ = make_rows(8)
    X["batch"] = np.tile(np.arange(10), 6)
    rng = np.random.default_rng(8)
    eta = 0.8 * X["x"] + rng.normal(0.0, 0.5, 10)[X["batch"]]
    mu = 1.0 / (1.0 + np.exp(-eta))
    return X, np.where(X["lab"] == "b", ALIKE, rng.beta(12 * mu, 12 * (1 - mu)))


def without(estimator, rows):
    """Return the fit without the category."""
    X, y = rows
    part = (X["lab"] != "b").to_numpy()
    return type(estimator)(**estimator.get_params()).fit(X[part], y[part])


def limits(model, rows=(None, None), **parameters):
    """Return confidence limits, and what was told of them."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = model.confint(*rows, **parameters)
    return found, " ".join(str(each.message) for each in told)


DICTATED = "determine the estimates in place of all others; fit without these rows"


@pytest.mark.parametrize("method", ["wald", "profile", "bootstrap"])
def test_what_the_category_dictates_has_no_limits_by_any_method(varied, method):
    model, told = fitted(BetaGLMMRegressor("lab + x", precision="lab"), *varied)
    assert any("is determined by them in place of all others: Intercept" in text for text in told)
    assert not any("the data do not determine" in text for text in told)
    chosen = {"method": method, "n_replicates": 2, "parameters": ["x", "lab[T.c]"]}
    found, words = limits(model, varied, **chosen)
    assert DICTATED in words
    assert "not determined" not in words
    assert found[["conf_low", "conf_high"]].isna().all(axis=None)


def test_tests_and_intervals_along_it_are_refused_or_open(varied):
    model, _ = fitted(BetaGLMMRegressor("lab + x", precision="lab"), *varied)
    assert model.tidy("fixed")["std_error"].isna().all()
    with pytest.raises(ValueError, match="do not determine 'x'"):
        model.wald_test("x = 0")
    others = varied[0][varied[0]["lab"] == "a"]
    assert np.isnan(model.predict_interval(others)).all()


@pytest.mark.parametrize("formula", ["lab * x", "0 + lab + lab:x", "lab / x"])
def test_slopes_of_its_own_leave_those_of_the_others_as_they_are(varied, formula):
    model, told = fitted(BetaGLMMRegressor(formula, precision="lab"), *varied)
    assert len(told) == 1
    assert "All other estimates and their standard errors stand" in told[0]
    alone = without(model, varied)
    found, wanted = limits(model)[0], limits(alone)[0]
    names = [name for name in wanted.index if name in found.index]
    assert len(names) >= 4
    assert_allclose(found.loc[names], wanted.loc[names], atol=3e-4)


@pytest.mark.parametrize("seed", [8, 9, 12, 14])
def test_estimates_beside_it_are_not_taken_for_infinite(seed):
    """Flat directions of a Hessian with a precision of e^20 are in part its rounding."""
    X, _ = make_rows(seed)
    mu, rng = 1.0 / (1.0 + np.exp(-0.8 * X["x"])), np.random.default_rng(seed)
    y = np.where(X["lab"] == "b", ALIKE, rng.beta(12 * mu, 12 * (1 - mu)))
    model, told = fitted(BetaGLMMRegressor("lab * x", precision="lab"), X, y)
    assert len(told) == 1
    assert not any(np.any(signs) for signs in model.fit_.infinities)


def test_variances_between_its_groups_are_dictated_and_the_note_on_singular_fits_says_it(varied):
    model, told = fitted(BetaGLMMRegressor("lab + (1 | batch)", precision="lab"), *varied)
    alone = without(model, varied)
    assert model.variance_components()["sd"][0] < 1e-3
    assert alone.variance_components()["sd"][0] > 0.2
    assert not any("valid, on the boundary" in text for text in told)
    found, words = limits(model, varied, method="profile", parameters="sd(Intercept | batch)")
    assert DICTATED in words
    assert found[["conf_low", "conf_high"]].isna().all(axis=None)


def test_what_is_told_by_rows_of_a_dictated_variance_alone_is_estimated_given_it(varied):
    X, y = varied
    X = X.assign(some=(X["lab"] != "a").astype(float))
    estimator = BetaGLMMRegressor("0 + lab + (0 + some | batch)", precision="0 + lab")
    model, _ = fitted(estimator, X, y)
    table = model.tidy("fixed").set_index(["component", "term"])["std_error"]
    alone = BetaGLMMRegressor("1").fit(X[X["lab"] == "a"], y[X["lab"] == "a"])
    wanted = alone.tidy("fixed")["std_error"].to_numpy()
    found = [table["mean", "lab[a]"], table["precision", "lab[a]"]]
    assert_allclose(found, wanted, rtol=1e-3)
    assert np.isnan([table["mean", "lab[c]"], table["precision", "lab[c]"]]).all()


def test_correlations_of_its_groups_are_dictated_with_their_variances(varied):
    model, _ = fitted(BetaGLMMRegressor("lab + (x | batch)", precision="lab"), *varied)
    name = "corr(Intercept, x | batch)"
    found, words = limits(model, parameters=name)
    assert found.loc[name, ["conf_low", "conf_high"]].isna().all()
    assert DICTATED in words


def test_the_variance_that_it_takes_away_is_that_of_the_formula(varied, monkeypatch):
    calls, usual = [], _dictated._taken_away

    def recorded(*args):
        calls.append((*args[-2:], usual(*args)))
        return calls[-1][-1]

    monkeypatch.setattr(_dictated, "_taken_away", recorded)
    fitted(BetaGLMMRegressor("lab + x", precision="lab"), *varied)
    rng = np.random.default_rng(0)
    for spoken, hessian, flat in calls:
        told = spoken.T @ (covariance := np.linalg.pinv(hessian, 1e-9, hermitian=True)) @ spoken
        lost = covariance @ spoken @ np.linalg.pinv(told, 1e-9, hermitian=True) @ spoken.T
        change = rng.normal(size=(len(hessian), 5))
        gradients = hessian @ change  # of what the other rows determine
        expected = np.sum(gradients * (lost @ covariance @ gradients), axis=0)
        assert_allclose(np.sum((flat.T @ gradients) ** 2, axis=0), expected, rtol=1e-5)


def test_variances_of_effects_that_it_does_not_have_stand(varied):
    X, y = varied
    rows = X.assign(other=(X["lab"] != "b").astype(float)), y
    model, told = fitted(BetaGLMMRegressor("lab + (0 + other | batch)", precision="lab"), *rows)
    assert any("All other estimates and their standard errors stand" in text for text in told)
    alone = without(BetaGLMMRegressor("lab + (1 | batch)", precision="lab"), rows)
    found, wanted = limits(model)[0], limits(alone)[0]
    for name, other in {
        "lab[T.c]": "lab[T.c]",
        "sd(other | batch)": "sd(Intercept | batch)",
    }.items():
        assert_allclose(found.loc[name], wanted.loc[other], atol=3e-4)


def test_probabilities_of_a_bound_know_nothing_of_it(varied):
    X, y = varied
    y = np.where(np.arange(60) % 7 == 0, 0.0, y)
    model, told = fitted(ZeroInflatedBetaGLMMRegressor("lab + x", precision="lab", zero="x"), X, y)
    n_inside = int(((X["lab"] == "b") & (y > 0)).sum())
    assert f"its {n_inside} responses between the bounds are all 0.25" in told[0]
    found, table = limits(model)[0], model.tidy("fixed").set_index("component")["std_error"]
    assert table.loc[["mean", "precision"]].isna().all()
    alone = ZeroInflatedBetaGLMMRegressor("1", zero="x").fit(X, y).confint()
    names = ["zero(Intercept)", "zero(x)"]
    assert_allclose(found.loc[names], alone.loc[names], atol=1e-5)


@pytest.mark.parametrize("method", ["wald", "profile", "bootstrap"])
def test_a_parameter_at_the_ceiling_has_its_infinite_end_alone(model, rows, method):
    name = "precision(lab[T.b])"
    found, words = limits(model, rows, method=method, n_replicates=2, parameters=name)
    assert "the likelihood rises without end with the precision" in words
    assert "not determined" not in words
    assert np.isnan(found.loc[name, "conf_low"])
    assert found.loc[name, "conf_high"] == np.inf


def test_other_categories_compared_with_it_go_to_minus_infinity(rows):
    X, y = rows
    X = X.assign(lab=X["lab"].map({"b": "a", "a": "b", "c": "c"}))
    model, _ = fitted(BetaGLMMRegressor("lab", precision="lab"), X, y)
    found, words = limits(model, parameters=["precision(Intercept)", "precision(lab[T.b])"])
    assert "rises without end" in words
    assert found["conf_high"].iloc[0] == np.inf
    assert found["conf_low"].iloc[1] == -np.inf


def test_diagnose_tells_of_it_once(model, rows):
    found = [finding for finding in model.diagnose(*rows).findings if finding.severity == "warning"]
    assert [finding.kind for finding in found] == ["determination"]
    assert not any(finding.kind == "scales" for finding in model.diagnose(*rows).findings)


def test_profiles_beside_it_are_those_without_it(varied):
    model, _ = fitted(BetaGLMMRegressor("lab * x", precision="lab"), *varied)
    alone = without(model, varied)
    names = ["Intercept", "lab[T.c]", "x", "lab[T.c]:x", "precision(lab[T.c])"]
    found, words = limits(model, varied, method="profile", parameters=names)
    X, y = varied
    kept = (X["lab"] != "b").to_numpy()
    wanted = alone.confint(X[kept], y[kept], method="profile", parameters=names)
    assert not words
    assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_wald_limits_that_are_missing_for_one_reason_are_told_of_once(rows):
    X, _ = rows
    rng = np.random.default_rng(8)
    mu = 1.0 / (1.0 + np.exp(-0.8 * X["x"]))
    y = np.where(X["lab"] == "b", ALIKE, rng.beta(12 * mu, 12 * (1 - mu)))
    model = fitted(BetaGLMMRegressor("lab + x", precision="lab"), X, y)[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.confint()
    told = [str(each.message) for each in caught]
    assert len(told) == 2  # of what the ceiling holds, and of what the rows at it dictate
    assert sum("precision(lab[T.b])" in text for text in told) == 1
    assert not any("not determined by the data" in text for text in told)
