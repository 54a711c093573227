"""What is at infinity: Wald, profile, bootstrap, diagnose and scores say the same of it.

A part of a model that no response shows leaves the others as they are without it, and the ends of
its own profiles are those of binomial samples, or of likelihoods of one dimension.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize_scalar
from scipy.special import betaln, expit, log_expit, logit

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

HALF = 3.841458820694124 / 2  # of the 95 % quantile with one degree of freedom
LIMITS = ["conf_low", "conf_high"]


def study(seed, n=160):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n // 8), 8)
    X = pd.DataFrame({"g": g, "x": rng.normal(size=n), "lab": np.tile(list("pqrs"), n // 4)})
    mu = expit(0.3 + 0.5 * X["x"] + rng.normal(0, 0.4, n // 8)[g]).to_numpy()
    return X, rng.beta(6 * mu, 6 * (1 - mu)), rng


def quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def limits(model, X, y, method, **options):
    """Limits by one method, with what it said."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = model.confint(X, y, method=method, **options)
    return found, [str(each.message) for each in told]


@pytest.fixture(scope="module")
def inside():
    """Responses on no bound, with the limits of all parameters by the plain beta."""
    X, y, _ = study(2)
    plain = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    return X, y, plain.confint(X, y, method="profile")


def last_zero(n):
    """Upper limit of a probability of which n responses show nothing."""
    return -np.expm1(-HALF / n)


ABSENT = {
    "zero": (ZeroInflatedBetaGLMMRegressor, {"zero": (0.0, last_zero(160))}),
    "one": (OneInflatedBetaGLMMRegressor, {"one": (0.0, last_zero(160))}),
    "both": (
        ZeroOneInflatedBetaGLMMRegressor,
        {"zero": (0.0, last_zero(160)), "one": (0.0, last_zero(160))},
    ),
    "ordered": (
        OrderedBetaGLMMRegressor,
        {"lower_cut": (-np.inf, None), "cut_gap": (None, np.inf)},
    ),
    "extended": (ExtendedBetaGLMMRegressor, {"exceedance": (0.0, None)}),
}


@pytest.mark.parametrize(
    "case",
    [name if name != "extended" else pytest.param(name, marks=pytest.mark.slow) for name in ABSENT],
)
def test_all_methods_agree_on_what_no_response_shows(inside, case):
    X, y, expected = inside
    kind, ends = ABSENT[case]
    with pytest.warns(UserWarning, match="no response equals") as told:
        model = kind("x + (1 | g)").fit(X, y)
    assert not any("separated" in str(each.message) for each in told)
    profile, said = limits(model, X, y, "profile")
    assert not said
    assert_allclose(profile.loc[expected.index, LIMITS], expected[LIMITS], rtol=1e-4, atol=1e-4)
    options = {"n_replicates": 5, "random_state": 0, "parameters": list(ends)}
    for method, settings in (("wald", {"parameters": list(ends)}), ("bootstrap", options)):
        found, said = limits(model, X, y, method, **settings)
        for name, (low, high) in ends.items():
            known, end = ("conf_high", high) if low is None else ("conf_low", low)
            assert found[known][name] == profile[known][name] == end
            assert np.isnan(found[LIMITS].loc[name].drop(known)).all()
            assert any(name in text and "no finite estimate" in text for text in said)
    for name, (low, high) in ends.items():
        if low is not None and high is not None:
            assert_allclose(profile["conf_high"][name], high, rtol=1e-4)
    assert {each.kind for each in model.diagnose(X, y).warnings} == {"determination"}


def least_gap(n_hits, n_inside):
    """Lower end of the profile of the gap, where responses lie on one bound and between both.

    The other bound is so far that the shares of the two are those of a binomial sample.
    """

    def loss(gap):
        def minus(a):
            inner = log_expit(a) + log_expit(gap - a) + np.log(-np.expm1(-gap))
            return -(n_hits * log_expit(-a) + n_inside * inner)

        found = minimize_scalar(minus, bounds=(-9, 20), method="bounded", options={"xatol": 1e-10})
        return found.fun

    return brentq(lambda gap: loss(gap) - loss(60.0) - HALF, 0.5, 30.0)


@pytest.mark.parametrize("present", [0.0, 1.0])
def test_ordered_cuts_beside_one_empty_bound(present):
    _, y, _ = study(4)
    X, y = pd.DataFrame({"x": np.zeros(90)}), np.append(y[:70], np.full(20, present))
    model = quietly(OrderedBetaGLMMRegressor("1"), X, y)
    profile, said = limits(model, X, y, "profile", parameters=["lower_cut", "cut_gap"])
    assert not said
    assert_allclose(profile["conf_low"]["cut_gap"], least_gap(20, 70), rtol=1e-4)
    wald, told = limits(model, X, y, "wald")
    found, _ = limits(model, X, y, "bootstrap", n_replicates=5, random_state=0)
    assert any("cut_gap" in text for text in told)
    for each in (wald, found):
        assert each["conf_high"]["cut_gap"] == profile["conf_high"]["cut_gap"] == np.inf
        assert np.isnan(each["conf_low"]["cut_gap"])
    if present == 0.0:
        assert np.isfinite(wald.loc["lower_cut"]).all()
    else:
        assert profile["conf_low"]["lower_cut"] == wald["conf_low"]["lower_cut"] == -np.inf


def test_an_upper_cut_stays_free_where_the_lower_one_is_at_infinity():
    # Mirrored responses and columns are the same model with the ends exchanged.
    X, y, rng = study(5)
    y = np.where(rng.random(len(y)) < 0.15, 1.0, y)
    other = X.assign(x=-X["x"])
    ones = quietly(OrderedBetaGLMMRegressor("x + (1 | g)"), X, y)
    zeros = quietly(OrderedBetaGLMMRegressor("x + (1 | g)"), other, 1.0 - y)
    assert_allclose(ones.log_likelihood_, zeros.log_likelihood_, rtol=1e-8)
    names = ["Intercept", "x", "precision", "sd(Intercept | g)"]
    left, _ = limits(ones, X, y, "profile", parameters=[*names, "cut_gap"])
    right, _ = limits(zeros, other, 1.0 - y, "profile", parameters=[*names, "cut_gap"])
    assert_allclose(left.loc["Intercept", LIMITS], -right.loc["Intercept", LIMITS[::-1]], rtol=1e-3)
    assert_allclose(left.loc[names[1:], LIMITS], right.loc[names[1:], LIMITS], rtol=1e-3)
    assert_allclose(left["conf_low"]["cut_gap"], right["conf_low"]["cut_gap"], rtol=1e-3)


@pytest.mark.parametrize(
    ("formula", "signs"),
    [
        ("lab", [-1, np.nan, np.nan, np.nan]),
        ("0 + lab", [-1, -1, -1, -1]),
        ("x", [-1, np.nan]),
        ("far", [np.nan, np.nan]),  # no row near 0, so that lines of any slope lie below
        ("0 + far", [-1]),
        ("0 + x", [0]),  # the half of 0 has a probability of 1/2 whatever the slope is
    ],
)
def test_which_coefficients_of_an_absent_part_are_at_infinity(inside, formula, signs):
    X, y, _ = inside
    X = X.assign(far=9.0 + X["x"] / 2)
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero=formula), X, y)
    assert_allclose(model.fit_.infinities[2], signs)
    names = [f"zero({name})" for name in model.fit_.layout.coefficients[2]]
    profile, said = limits(model, X, y, "profile", parameters=names)
    wald, _ = limits(model, X, y, "wald", parameters=names)
    options = {"n_replicates": 5, "random_state": 0}
    found, _ = limits(model, X, y, "bootstrap", parameters=names, **options)
    assert not said
    for name, sign in zip(names, signs, strict=True):
        if np.isnan(sign):
            assert np.isinf(profile.loc[name, LIMITS].astype(float)).all()
            assert wald.loc[name, LIMITS].isna().all()
            assert found.loc[name, LIMITS].isna().all()
        elif sign:
            assert wald["conf_low"][name] == found["conf_low"][name] == -np.inf
            assert np.isnan(wald["conf_high"][name])
            assert np.isfinite(profile["conf_high"][name])
    if formula == "0 + lab":
        assert_allclose(profile["conf_high"], logit(last_zero(40)), rtol=1e-4)


def test_levels_at_infinity_on_both_sides_and_their_differences(inside):
    X, y, _ = inside
    rng = np.random.default_rng(0)
    hit = (X["lab"] == "s") | ((X["lab"] == "q") & (rng.random(len(X)) < 0.4))
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero="lab"), X, np.where(hit, 0.0, y))
    assert_allclose(model.fit_.infinities[2], [-1, 1, np.nan, 1])
    (note,) = [text for text in str(model.summary()).splitlines() if "rises for ever" in text]
    assert "any value of zero(lab[T.r]), which compares what is at infinity" in note


def test_differences_of_slopes_at_infinity_are_open(inside):
    X, y, _ = inside
    rng = np.random.default_rng(0)
    hit = X["lab"].isin(["q", "s"]) & (rng.random(len(X)) < 0.4)
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero="lab * x"), X, np.where(hit, 0.0, y))
    assert_allclose(model.fit_.infinities[2], [-1, 1, np.nan, 1, np.nan, np.nan, np.nan, np.nan])


def beta_profile(y, log_precision):
    """Minus the log likelihood of a beta with a mean of its own."""

    def minus(eta):
        a, b = expit(eta) * np.exp(log_precision), expit(-eta) * np.exp(log_precision)
        return -np.sum((a - 1) * np.log(y) + (b - 1) * np.log1p(-y) - betaln(a, b))

    return minimize_scalar(minus, bounds=(-6, 6), method="bounded", options={"xatol": 1e-10}).fun


def test_a_precision_beside_one_at_its_ceiling_has_both_limits():
    X, y, _ = study(6)
    y = np.where(X["lab"] == "r", 0.7, y)
    model = quietly(BetaGLMMRegressor("lab", precision="lab"), X, y)
    found, said = limits(model, X, y, "profile", parameters="precision(Intercept)")
    assert not said
    own = y[(X["lab"] == "p").to_numpy()]
    best = minimize_scalar(lambda t: beta_profile(own, t), bounds=(-2, 6), method="bounded")

    def excess(t):
        return beta_profile(own, t) - best.fun - HALF

    expected = [brentq(excess, best.x - 3, best.x), brentq(excess, best.x, best.x + 3)]
    assert_allclose(found.loc["precision(Intercept)", LIMITS], expected, rtol=1e-4)


def test_walks_that_are_given_up_say_so(inside, monkeypatch):
    X, y, _ = inside
    model = BetaGLMMRegressor("x").fit(X, y)
    for name, value in (("POINTS_MAX", 2), ("FAR", 0.1)):
        with monkeypatch.context() as patched:
            patched.setattr(f"skglmm.inference.uncertainty.path.{name}", value)
            found, said = limits(model, X, y, "profile", parameters="x")
        assert np.isinf(found.loc["x", LIMITS].astype(float)).all()
        assert len([text for text in said if "could not be followed beyond" in text]) == 2
    monkeypatch.setattr("skglmm.inference.uncertainty.path.moved", lambda *_: None)
    _, said = limits(model, X, y, "profile", parameters="x")
    assert len([text for text in said if "could not be followed beyond" in text]) == 2


def test_an_extended_precision_that_falls_to_zero():
    # Responses of one kind lie on both bounds and nowhere between.
    X, y, rng = study(7)
    ends = np.where(rng.random(len(y)) < 0.1, np.round(rng.random(len(y))), y)
    both = (np.arange(len(y)) // 4 % 2).astype(float)
    y = np.where(X["lab"] == "r", both, ends)
    with pytest.warns(UserWarning, match=r"precision\(lab\[T.r\]\) goes to -infinity"):
        model = ExtendedBetaGLMMRegressor("lab", precision="lab").fit(X, y)
    assert model.converged_
    assert_allclose(model.fit_.infinities[1], [0, 0, -1, 0])


def test_scores_on_bounds_that_an_extended_beta_never_saw(inside):
    X, y, _ = inside
    model = quietly(ExtendedBetaGLMMRegressor("x + (1 | g)"), X, y)
    with pytest.warns(UserWarning, match="where no response of fit was") as told:
        model.log_density(X, np.where(X["x"] > 1.5, 1.0, y))
    assert not any("such as ExtendedBeta" in str(each.message) for each in told)


def test_tables_have_the_infinite_ends_of_intervals(inside):
    X, y, _ = inside
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero="lab"), X, y)
    table = model.tidy("fixed").query("component == 'zero'").set_index("term")
    assert table["conf_low"]["Intercept"] == -np.inf
    assert np.isnan(table["conf_high"]["Intercept"])
    assert table.loc["lab[T.q]", LIMITS].isna().all()
    odds = model.tidy("fixed", exponentiate=True).query("component == 'zero'").set_index("term")
    assert odds["conf_low"]["Intercept"] == 0.0


def test_levels_of_findings_are_in_the_order_of_the_column():
    X, y, rng = study(8)
    X["lab"] = pd.Categorical(X["lab"], ["s", "r", "q", "p"])
    hit = X["lab"].isin(["q"]) & (rng.random(len(X)) < 0.5)
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero="0 + lab"), X, np.where(hit, 0.0, y))
    (finding,) = model.diagnose(X, np.where(hit, 0.0, y)).warnings
    assert "with lab = 's' or 'r' or 'p'" in finding.finding


@pytest.mark.parametrize("sign", [-1, 1])
def test_without_inference_no_standard_errors_stand(sign):
    X, y, rng = study(9)
    some, half = X["lab"].isin(["q", "s"]), rng.random(len(X)) < 0.5
    hit = some & half if sign < 0 else ~some | half
    model = ZeroInflatedBetaGLMMRegressor("x", zero="0 + lab", inference=False)
    y = np.where(hit, 0.0, y)
    with pytest.warns(UserWarning, match="Other estimates stand;"):
        model.fit(X, y)
    assert_allclose(model.fit_.infinities[2], [sign, 0, sign, 0])
    (finding,) = model.diagnose(X, y).warnings
    assert finding.advice.startswith("Other estimates stand.")


def test_a_variance_that_nothing_tells_has_no_bootstrap_limits(inside):
    X, y, _ = inside
    model = quietly(ZeroInflatedBetaGLMMRegressor("x", zero="1 + (1 | g)"), X, y)
    name = "sd(zero(Intercept) | g)"
    record = model.bootstrap(X, y, n_replicates=3, random_state=0)
    place = record.names.index(name)
    assert np.isnan([record.interval(0.5).low[place], record.interval(0.5).high[place]]).all()
    assert any(name in note.text for note in record.interval_notes(0.5, "percentile"))
    wald, said = limits(model, X, y, "wald")
    assert wald.loc[name, LIMITS].isna().all()
    assert any(text.startswith(f"{name}: not determined") for text in said)


def test_boundary_probabilities_name_no_predictor_that_they_do_not_depend_on():
    X, y, rng = study(10)
    X["half"] = np.where(X["lab"] == "r", "u", np.where(rng.random(len(X)) < 0.5, "u", "v"))
    y = np.where(rng.random(len(X)) < 0.3, 0.0, y)
    model = quietly(ZeroInflatedBetaGLMMRegressor("lab * half", zero="lab * half"), X, y)
    row = pd.DataFrame({"lab": ["r"], "half": ["v"]})
    with pytest.warns(UserWarning, match="do not determine the zero in 1 of 1") as told:
        model.predict_proba_boundary(row)
    with pytest.warns(UserWarning, match="do not determine the zero in 1 of 1") as more:
        model.predict_linear(row, predictor="zero")
    assert not any("the mean" in str(each.message) for each in [*told, *more])


def test_means_beyond_the_reach_of_the_link_lie_in_their_limits():
    X, y, _ = study(4)
    far = (X["x"] > 1.0).to_numpy()
    model = quietly(ZeroInflatedBetaGLMMRegressor("lab", zero="x"), X, np.where(far, 0.0, y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = model.predict_frame(pd.DataFrame({"lab": "p", "x": [0.0, 1.5, 3.0, 6.0]}))
    known = table.dropna(subset=["mean_ci_lower", "mean_ci_upper"])
    assert known["mean"].min() < 1e-14
    assert (known["mean_ci_lower"] <= known["mean"]).all()
    assert (known["mean"] <= known["mean_ci_upper"]).all()
