"""Separated rows: what the data determine keeps its numbers, the rest is at infinity and named.

Without random effects in its formula the zero part of an inflated beta model is a logistic
regression of its own. With one factor its answers are those of binomial samples: logits of
shares, their standard errors, and likelihoods of two shares for the ends of profiles.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, logit, xlogy

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.model_selection import likelihood_ratio_test

TOLD = "the likelihood rises for ever"
CHI2 = 3.841458820694124  # 95 % quantile with one degree of freedom


def study(seed, end=0.0, share=0.3):
    """Four treatments in 30 groups of 8; responses on the end under b and d alone."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(30), 8)
    X = pd.DataFrame({"g": g, "x": rng.normal(size=240), "arm": np.tile(list("abcd"), 60)})
    mu = expit(-0.2 + 0.4 * X["x"] + rng.normal(0, 0.5, 30)[g]).to_numpy()
    y = rng.beta(5 * mu, 5 * (1 - mu))
    hit = X["arm"].isin(["b", "d"]) & (rng.random(240) < share)
    return X, np.where(hit, end, y)


def share_of(X, y, arm, end=0.0):
    inside = (X["arm"] == arm).to_numpy()
    return float(np.mean(y[inside] == end)), int(inside.sum())


def fitted(X, y, model=None, **formulas):
    model = model or ZeroInflatedBetaGLMMRegressor("x + (1 | g)")
    with pytest.warns(UserWarning, match=TOLD):
        return model.set_params(**formulas).fit(X, y)


@pytest.fixture(scope="module")
def data():
    return study(3)


CODINGS = ["arm", "0 + arm", "C(arm, contr.sum)", "C(arm, contr.treatment('d'))", "C(arm, Poly)"]


@pytest.mark.parametrize("coding", CODINGS)
def test_means_of_levels_keep_the_standard_errors_of_binomial_shares(data, coding):
    X, y = data
    model = fitted(X, y, zero=coding)
    rows = pd.DataFrame({"g": 0, "x": 0.0, "arm": list("abcd")})
    value, std = model.predict_linear(rows, predictor="zero", kind="fixed", return_std=True)
    for place, arm in ((1, "b"), (3, "d")):
        p, n = share_of(X, y, arm)
        assert_allclose(value[place], logit(p), rtol=1e-6)
        assert_allclose(std[place], 1 / np.sqrt(n * p * (1 - p)), rtol=1e-6)
    assert np.isnan(std[[0, 2]]).all()
    assert model.converged_


@pytest.mark.parametrize("coding", CODINGS)
def test_standard_errors_of_means_are_those_of_the_delta_method(data, coding):
    X, y = data
    model = fitted(X, y, zero=coding)
    rows = pd.DataFrame({"g": 0, "x": 0.5, "arm": list("abcd")})
    found = model.predict_frame(rows, kind="fixed")["mean_se"]
    linear, std = model.predict_linear(rows, kind="fixed", return_std=True)
    m, slope = expit(linear), expit(linear) * expit(-linear)
    for place, arm in enumerate("abcd"):
        p, n = share_of(X, y, arm)
        by_mean, by_share = (1 - p) * slope[place] * std[place], m[place] * np.sqrt(p * (1 - p) / n)
        assert_allclose(found[place], np.hypot(by_mean, by_share), rtol=1e-4)


def test_coefficients_that_are_determined_have_their_errors_and_the_others_are_named(data):
    X, y = data
    model = fitted(X, y, zero="C(arm, contr.treatment('b'))")
    table = model.tidy(effects="fixed").query("component == 'zero'").set_index("term")
    (p, n), (q, m) = share_of(X, y, "b"), share_of(X, y, "d")
    assert_allclose(table.std_error["Intercept"], 1 / np.sqrt(n * p * (1 - p)), rtol=1e-6)
    both = np.sqrt(1 / (n * p * (1 - p)) + 1 / (m * q * (1 - q)))
    assert_allclose(table.std_error["C(arm, contr.treatment('b'))[T.d]"], both, rtol=1e-6)
    gone = [f"C(arm, contr.treatment('b'))[T.{arm}]" for arm in "ac"]
    assert table.std_error[gone].isna().all()
    (note,) = [line for line in str(model.summary()).splitlines() if TOLD in line]
    assert all(f"zero({name}) goes to -infinity" in note for name in gone)


def test_a_reference_level_at_infinity_takes_the_contrasts_along(data):
    X, y = data
    model = fitted(X, y, zero="arm")
    (note,) = [line for line in str(model.summary()).splitlines() if TOLD in line]
    assert "zero(Intercept) goes to -infinity and zero(arm[T.b]) goes to +infinity" in note
    assert "zero(arm[T.d]) goes to +infinity" in note


def test_ones_are_separated_as_zeros_are():
    X, y = study(4, end=1.0)
    model = fitted(X, y, OneInflatedBetaGLMMRegressor("x + (1 | g)"), one="0 + arm")
    p, n = share_of(X, y, "d", end=1.0)
    errors = model.tidy(effects="fixed").query("component == 'one'").set_index("term").std_error
    assert_allclose(errors["arm[d]"], 1 / np.sqrt(n * p * (1 - p)), rtol=1e-6)
    assert errors[["arm[a]", "arm[c]"]].isna().all()


def test_one_predictor_at_infinity_leaves_the_others_alone(data):
    X, y = data
    y = np.where(X["x"] > 1.2, 1.0, y)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = ZeroOneInflatedBetaGLMMRegressor("x + (1 | g)", zero="0 + arm", one="x").fit(X, y)
    texts = [str(each.message) for each in told if TOLD in str(each.message)]
    assert len(texts) == 2
    assert "zero(arm[a]) goes to -infinity and zero(arm[c]) goes to -infinity" in texts[0]
    assert "one(Intercept) goes to -infinity and one(x) goes to +infinity" in texts[1]
    assert model.converged_
    errors = model.tidy(effects="fixed").set_index(["component", "term"]).std_error
    assert errors[[("zero", "arm[b]"), ("zero", "arm[d]"), ("mean", "x")]].notna().all()


def profile_end(X, y, arm, other):
    """Upper end of the profile of logit(p) - logit(q), where no response of the arm is zero."""
    (q, m), (_, n) = share_of(X, y, other), share_of(X, y, arm)

    def loss(difference):
        def minus(eta):
            hits = m * (q * np.log(expit(eta)) + (1 - q) * np.log(expit(-eta)))
            return -hits - n * np.log(expit(-eta - difference))

        best = minimize_scalar(minus, bounds=(-20, 10), method="bounded", options={"xatol": 1e-9})
        return best.fun

    return brentq(lambda d: 2 * (loss(d) - loss(-40.0)) - CHI2, -20, 0)


@pytest.mark.parametrize("seed", [3, 11, 12])
def test_profiles_end_where_the_likelihood_says(seed):
    X, y = study(seed)
    model = fitted(X, y, zero="C(arm, contr.treatment('b'))")
    name = "zero(C(arm, contr.treatment('b'))[T.c])"
    found = model.confint(X, y, method="profile", parameters=[name, "zero(Intercept)"])
    assert found["conf_low"][name] == -np.inf
    assert_allclose(found["conf_high"][name], profile_end(X, y, "c", "b"), rtol=1e-4)
    assert np.isfinite(found.loc["zero(Intercept)"]).all()


def test_wald_and_bootstrap_have_the_infinite_end_and_say_what_they_do_not_know(data):
    X, y = data
    model = fitted(X, y, zero="0 + arm")
    with pytest.warns(UserWarning, match=r"zero\(arm\[a\]\), zero\(arm\[c\]\): no finite estimate"):
        wald = model.confint()
    for name in ("zero(arm[a])", "zero(arm[c])"):
        assert wald["conf_low"][name] == -np.inf
        assert np.isnan(wald["conf_high"][name])
    options = {"method": "bootstrap", "n_replicates": 19, "level": 0.9, "random_state": 0}
    for kind in ("percentile", "basic"):
        with pytest.warns(UserWarning, match="no finite estimate to simulate from"):
            found = model.confint(X, y, parameters="zero(arm[a])", kind=kind, **options)
        assert found["conf_low"].item() == -np.inf
        assert np.isnan(found["conf_high"].item())


def test_refits_at_infinity_count_as_such():
    X, y = study(5, share=0.0)
    y[np.flatnonzero(X["arm"] == "b")[:2]] = 0.0  # none of two in one of seven replicates
    y[np.flatnonzero(X["arm"] != "b")[:40]] = 0.0
    model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)", zero="0 + arm").fit(X, y)
    with pytest.warns(UserWarning, match="is infinite in"):
        record = model.bootstrap(X, y, n_replicates=39, random_state=1)
    column = record.replicates[:, record.names.index("zero(arm[b])")]
    n_infinite = int(np.isneginf(column).sum())
    assert 0 < n_infinite < 20
    assert record.to_frame()["n_used"]["zero(arm[b])"] == 39 - n_infinite
    assert f"zero(arm[b]) is infinite in {n_infinite} of 39 refits" in str(record)
    place = record.names.index("zero(arm[b])")
    assert record.interval(0.9).low[place] == -np.inf
    assert np.isfinite(record.interval(0.9).high[place])


def test_diagnose_names_levels_rows_and_directions(data):
    X, y = data
    model = fitted(X, y, zero="0 + arm + x")
    findings = model.diagnose(X, y).warnings
    assert [each.kind for each in findings] == ["separation"]
    assert "in the 120 rows with arm = 'a' or 'c'" in findings[0].finding
    assert "zero(arm[a]) goes to -infinity" in findings[0].finding
    assert findings[0].value == 120


def test_a_number_that_tells_zeros_apart_is_followed_to_the_end():
    X, y = study(6, share=0.0)
    X["nm"] = 1e9 * X["x"]
    y = np.where(X["nm"] > 3e8, 0.0, y)
    model = fitted(X, y, zero="nm")
    assert model.converged_
    assert model.coef_names_ == ["x"]
    shares = model.predict_proba_boundary(X)["lower"]
    assert_allclose(shares, y == 0.0, atol=1e-6)
    (note,) = [line for line in str(model.summary()).splitlines() if TOLD in line]
    assert "zero(Intercept) goes to -infinity and zero(nm) goes to +infinity" in note


def test_a_bound_that_nobody_touches_is_told_once():
    X, y = study(7, share=0.0)
    y = np.where(X["x"] > 1.5, 1.0, y)
    with pytest.warns(UserWarning, match="no response equals") as told:
        model = ZeroOneInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    assert len([each for each in told if "no response equals" in str(each.message)]) == 1
    assert not any(TOLD in str(each.message) for each in told)
    assert model.converged_


def test_healthy_fits_have_no_direction_of_recession(data):
    X, y = data
    model = ZeroInflatedBetaGLMMRegressor("x + arm + (1 | g)", zero="x").fit(X, y)
    assert not any(part.any() for part in model.fit_.recession)
    assert model.fit_.uncertainty.flat.shape[1] == 0


@pytest.fixture(scope="module")
def inside():
    """Responses on no bound, and their profiles by the beta that has no bounds at all."""
    X, y = study(9, share=0.0)
    plain = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    return X, y, plain.confint(X, y, method="profile")


@pytest.mark.parametrize(
    "family",
    [pytest.param(ExtendedBetaGLMMRegressor, marks=pytest.mark.slow), OrderedBetaGLMMRegressor],
)
def test_profiles_beside_bounds_that_no_response_has_are_those_of_the_beta(inside, family):
    X, y, expected = inside
    with pytest.warns(UserWarning, match="no finite estimate"):
        model = family("x + (1 | g)").fit(X, y)
    found = model.confint(X, y, method="profile")
    columns = ["conf_low", "conf_high"]
    assert_allclose(found.loc[expected.index, columns], expected[columns], rtol=1e-4, atol=1e-4)
    rest = found.drop(index=expected.index)
    for name, infinite in {"exceedance": 0.0, "lower_cut": -np.inf}.items():
        if name in rest.index:
            assert rest["conf_low"][name] == infinite
            assert rest["estimate"][name] < rest["conf_high"][name] < np.inf
    if "cut_gap" in rest.index:
        assert 0 < rest["conf_low"]["cut_gap"] < rest["conf_high"]["cut_gap"] == np.inf


def test_a_coefficient_at_infinity_is_told_how_to_be_tested(data):
    X, y = data
    model = fitted(X, y, zero="arm")
    with pytest.raises(ValueError, match=r"'zero\(arm\[T.b\]\)'.*at infinity.*likelihood_ratio"):
        model.wald_test("zero(arm) = 0")
    smaller = ZeroInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    zeros, total = np.array([share_of(X, y, arm) for arm in "abcd"]).T
    counts = zeros * total

    def loglik(k, n):
        share = np.divide(k, n)
        return np.sum(xlogy(k, share) + xlogy(n - k, 1 - share))

    exact = 2 * (loglik(counts, total) - loglik(counts.sum(), total.sum()))
    test = likelihood_ratio_test(smaller, model)
    assert_allclose(test.statistic, exact, rtol=1e-6)
