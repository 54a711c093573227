"""Standard errors and limits of the probabilities of bounds, and of cut points.

Right values come from glmmTMB, from binomial and multinomial sampling, and from draws of the
estimates and of the random effects.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit, logit, ndtri

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)

REFERENCE = Path(__file__).parent / "reference"
ANSWERS = json.loads((REFERENCE / "boundary_uncertainty.json").read_text())
DATA = pd.read_csv(REFERENCE / "simulated_boundary.csv")
PARTS = ("lower", "interior", "upper")
MODELS = {
    "beta": (BetaGLMMRegressor, {}, "inner"),
    "zero": (ZeroInflatedBetaGLMMRegressor, {"zero": "x + (1 | g)"}, "zeros"),
    "one": (OneInflatedBetaGLMMRegressor, {"one": "x + (1 | g)"}, "ones"),
    "zero and one": (ZeroOneInflatedBetaGLMMRegressor, {"zero": "x", "one": "(1 | g)"}, "both"),
    "ordered": (OrderedBetaGLMMRegressor, {}, "both"),
    "extended": (ExtendedBetaGLMMRegressor, {}, "both"),
}


def study(seed=0, n_levels=25, n_rows=16, sd=0.6):
    rng = np.random.default_rng([21, seed])
    g = np.repeat(np.arange(n_levels), n_rows)
    x = rng.normal(size=len(g))
    eta = 0.2 + 0.5 * x + rng.normal(0, sd, n_levels)[g]
    inner = np.clip(rng.beta(6 * expit(eta), 6 * expit(-eta)), 1e-6, 1 - 1e-6)
    low, part = expit(-1.5 - eta), rng.random(len(g))
    zeros, ones = part < low, part > expit(1.8 - eta)
    return pd.DataFrame({"x": x, "g": g}), {
        "inner": inner,
        "zeros": np.where(zeros, 0.0, inner),
        "ones": np.where(ones, 1.0, inner),
        "both": np.where(zeros, 0.0, np.where(ones, 1.0, inner)),
    }


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    kind, params, response = MODELS[request.param]
    X, y = study()
    return kind("x + (1 | g)", **params).fit(X, y[response]), X


def cell(table, part):
    return [table[f"{part}{number}"].to_numpy() for number in ("", "_se", "_ci_lower", "_ci_upper")]


@pytest.mark.parametrize("name", ["zero-intercepts", "zero-slopes"])
def test_probabilities_of_zero_and_their_errors_are_glmmtmb_s(name):
    answer = ANSWERS[name]
    zero = "x + (x | g)" if name.endswith("slopes") else "x + (1 | g)"
    model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)", zero=zero)
    model.fit(DATA[["x", "g"]], DATA["zeros"])
    rows = DATA.iloc[answer["places"]]
    probability, std = model.predict_proba_boundary(rows, return_std=True)
    assert_allclose(probability["lower"], answer["probability"], rtol=1e-5)
    assert_allclose(std["lower"], answer["std_error"], rtol=1e-5)
    assert_allclose(std["interior"], std["lower"])
    assert_allclose(std["upper"], 0.0)


def test_cut_points_and_their_errors_are_glmmtmb_s():
    answer = ANSWERS["ordered-intercepts"]
    model = OrderedBetaGLMMRegressor("x + (1 | g)").fit(DATA[["x", "g"]], DATA["both"])
    table = model.cut_points(level=0.9)
    assert list(table.index) == ["lower", "upper"]
    assert_allclose(table["estimate"], answer["estimate"], atol=1e-4)  # 1e-3 errors
    assert_allclose(table["estimate"], model.cut_points_)
    assert_allclose(table["std_error"], answer["std_error"], rtol=1e-5)
    assert_allclose(table["conf_high"], table["estimate"] + ndtri(0.95) * table["std_error"])
    assert "Upper cut\n" in str(model.summary())
    without = OrderedBetaGLMMRegressor("x", inference=False).fit(DATA[["x"]], DATA["both"])
    assert without.cut_points()[["std_error", "conf_low"]].isna().all(axis=None)


@pytest.mark.parametrize(("name", "gone"), [("zeros", "upper"), ("ones", "lower")])
def test_a_cut_point_without_responses_behind_it_has_its_infinite_limit_alone(name, gone):
    X, y = study()
    with pytest.warns(UserWarning, match="no response equals the bound"):
        model = OrderedBetaGLMMRegressor("x").fit(X, y[name])
    table = model.cut_points().drop(columns="estimate")
    open_end, other = ("conf_high", "conf_low") if gone == "upper" else ("conf_low", "conf_high")
    assert np.isinf(table.loc[gone, open_end])
    assert table.loc[gone, ["std_error", other]].isna().all()
    (kept,) = set(table.index) - {gone}
    assert np.isfinite(table.loc[kept]).all()


def test_constant_probabilities_have_the_errors_of_multinomial_shares():
    X, y = study()
    table = ZeroOneInflatedBetaGLMMRegressor("1").fit(X, y["both"]).predict_boundary_frame(X[:1])
    n = len(X)
    shares = [np.mean(y["both"] == 0), np.mean(y["inner"] == y["both"]), np.mean(y["both"] == 1)]
    for part, share in zip(PARTS, shares, strict=True):
        value, se, low, high = (float(each[0]) for each in cell(table, part))
        assert_allclose(value, share, rtol=1e-4)
        assert_allclose(se, np.sqrt(share * (1 - share) / n), rtol=1e-3)
        reach = ndtri(0.975) / np.sqrt(n * share * (1 - share))
        limits = [expit(logit(share) + sign * reach) for sign in (-1, 1)]
        assert_allclose([low, high], limits, rtol=1e-3)


@pytest.mark.parametrize("kind", ["conditional", "fixed", "marginal", {"g"}])
def test_limits_stay_between_0_and_1_and_hold_their_point(fitted, kind):
    model, X = fitted
    rows = X.iloc[::37].assign(x=np.linspace(-8, 8, len(X.iloc[::37])))
    table = model.predict_boundary_frame(rows, kind=kind)
    assert list(table.index) == list(rows.index)
    probability, std = model.predict_proba_boundary(rows, kind=kind, return_std=True)
    assert_allclose(probability, model.predict_proba_boundary(rows, kind=kind))
    for part in PARTS:
        value, se, low, high = cell(table, part)
        assert_allclose(probability[part], value)
        assert_allclose(std[part], se)
        assert np.all((low >= 0) & (low <= value) & (value <= high) & (high <= 1) & (se >= 0))
    wider = model.predict_boundary_frame(rows, level=0.99, kind=kind)
    assert np.all(wider["interior_ci_lower"] <= table["interior_ci_lower"])


def test_rows_of_one_answer_are_those_of_many(fitted):
    model, X = fitted
    whole = model.predict_boundary_frame(X)
    assert_allclose(model.predict_boundary_frame(X.iloc[[7]]), whole.iloc[[7]], rtol=1e-8)


def test_unknown_groups_may_have_no_answer(fitted):
    model, X = fitted
    new = X.head(2).assign(g=[0, 99])
    before = model.new_groups
    model.new_groups = "nan"
    table = model.predict_boundary_frame(new)
    model.new_groups = before
    assert table.iloc[1].isna().all()
    assert table.iloc[0].notna().all()


def draws_of(model, n, rng):
    """Estimates of all fixed effects, and standard deviations, as they might have been."""
    centers = np.concatenate([*model.fit_.beta, model.variance_components()["sd"]])
    return rng.multivariate_normal(centers, model.vcov("all").to_numpy(), size=n)


def test_averages_over_groups_have_the_errors_of_drawn_estimates():
    rng = np.random.default_rng(3)
    X, y = study(1)
    model = OrderedBetaGLMMRegressor("x + (1 | g)").fit(X, y["both"])
    draws = draws_of(model, 4000, rng)
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    eta = draws[:, [0]] + 0.7 * draws[:, [1]] + np.abs(draws[:, [5]]) * nodes
    low = expit(draws[:, [3]] - eta) @ weights / weights.sum()
    high = expit(eta - draws[:, [3]] - np.exp(draws[:, [4]])) @ weights / weights.sum()
    table = model.predict_boundary_frame(pd.DataFrame({"x": [0.7]}), kind="marginal")
    for part, drawn in zip(PARTS, (low, 1 - low - high, high), strict=True):
        _, se, *limits = (float(each[0]) for each in cell(table, part))
        assert_allclose(se, drawn.std(), rtol=0.05)
        assert_allclose(limits, np.quantile(drawn, [0.025, 0.975]), rtol=0.03)


@pytest.mark.parametrize("sd", [0.5, 1.6])
def test_a_new_group_has_the_spread_of_drawn_groups(sd):
    rng = np.random.default_rng(4)
    X, y = study(2, n_levels=50, sd=sd)
    model = OrderedBetaGLMMRegressor("x + (1 | g)").fit(X, y["both"])
    draws = draws_of(model, 100_000, rng)
    eta = draws[:, 0] + np.abs(draws[:, 5]) * rng.normal(size=len(draws))
    low, high = expit(draws[:, 3] - eta), expit(eta - draws[:, 3] - np.exp(draws[:, 4]))
    table = model.predict_boundary_frame(pd.DataFrame({"x": [0.0], "g": [99]}))
    for part, drawn in (("lower", low), ("upper", high)):
        value, se, *limits = (float(each[0]) for each in cell(table, part))
        assert_allclose([value, se], [drawn.mean(), drawn.std()], rtol=0.02)
        assert_allclose(limits, np.quantile(drawn, [0.025, 0.975]), rtol=0.05)
    value, se, *limits = (float(each[0]) for each in cell(table, "interior"))
    inner = 1 - low - high  # has a maximum, at which its slope in eta is 0
    assert_allclose(value, inner.mean(), rtol=0.01)
    assert_allclose(se, inner.std(), rtol=0.1)  # estimates count by slopes alone
    assert np.mean((limits[0] < inner) & (inner < limits[1])) > 0.9


def test_rare_parts_keep_their_digits():
    X, y = study(1)
    model = ZeroInflatedBetaGLMMRegressor("x", zero="x").fit(X, y["zeros"])
    far = pd.DataFrame({"x": [30.0, 60.0]})
    _, std = model.predict_linear(far, "zero", return_std=True)
    table = model.predict_boundary_frame(far)
    p, se, low, high = cell(table, "lower")
    assert np.all(p < 1e-4)
    assert_allclose(se / p, std, rtol=1e-3)
    assert_allclose(logit(high) - logit(low), 2 * ndtri(0.975) * std, rtol=1e-3)
    assert np.all((table["interior_ci_lower"] > 0.5) & (table["interior_ci_upper"] <= 1))


# Bounds that no response touches

ABSENT = [
    (ZeroInflatedBetaGLMMRegressor, "inner", ["zero"], ["lower"]),
    (OneInflatedBetaGLMMRegressor, "inner", ["one"], ["upper"]),
    (ZeroOneInflatedBetaGLMMRegressor, "zeros", ["one"], ["upper"]),
    (ZeroOneInflatedBetaGLMMRegressor, "ones", ["zero"], ["lower"]),
    (OrderedBetaGLMMRegressor, "zeros", ["cut_gap"], ["upper"]),
    (OrderedBetaGLMMRegressor, "ones", ["lower_cut", "cut_gap"], ["lower"]),
    (OrderedBetaGLMMRegressor, "inner", ["lower_cut", "cut_gap"], ["lower", "upper"]),
]


@pytest.mark.filterwarnings("ignore:.*no finite estimate, and no inner end")
@pytest.mark.parametrize(("kind", "response", "endless", "parts"), ABSENT)
def test_what_describes_a_bound_without_responses_has_no_standard_error(
    kind, response, endless, parts
):
    X, y = study()
    with pytest.warns(UserWarning, match="no response equals the bound") as told:
        model = kind("x + (1 | g)").fit(X, y[response])
    assert len(told) == len(parts)  # and it has converged
    table = model.tidy("fixed").set_index("component")
    assert list(table.index[table["std_error"].isna()]) == endless
    assert np.isnan(np.diag(model.vcov())).sum() == len(endless)
    ends = model.confint().loc[endless].drop(columns="estimate")
    assert (ends.isna() | ends.isin([0.0, -np.inf, np.inf])).all(axis=None)  # those of the range
    assert ends.isna().any(axis=1).all()
    assert str(model.summary()).count("no response equals the bound") == len(parts)
    found = model.predict_boundary_frame(X.head(2), kind="fixed")
    for part in parts:
        assert np.all(found[part] < 1e-9)
        assert found[[f"{part}_se", f"{part}_ci_lower"]].isna().all(axis=None)
    if "lower" not in parts and response != "inner":  # what there is has its errors
        assert found.filter(like="lower_").filter(like="lower").iloc[0, 0] > 0


def test_the_fit_without_responses_on_a_bound_is_that_of_the_smaller_model():
    X, y = study()
    with pytest.warns(UserWarning, match="no response equals"):
        both = ZeroOneInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y["zeros"])
    one = ZeroInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y["zeros"])
    assert_allclose(both.log_likelihood_, one.log_likelihood_, atol=1e-6)
    names = ["Intercept", "x", "precision(Intercept)", "zero(Intercept)"]
    expected = one.vcov().loc[names, names]
    assert_allclose(both.vcov().loc[names, names], expected, rtol=1e-3, atol=1e-8)
    frames = [m.predict_boundary_frame(X.head(3)).filter(like="lower") for m in (both, one)]
    assert_allclose(frames[0].iloc[:, :4], frames[1].iloc[:, :4], rtol=1e-4)


@pytest.mark.parametrize("joint", [False, True])
def test_responses_on_a_bound_that_fit_has_not_seen_are_told_when_they_are_scored(joint):
    X, y = study()
    with pytest.warns(UserWarning, match="no response equals"):
        model = OrderedBetaGLMMRegressor("x + (1 | g)", bounds=(0, 10)).fit(X, 10 * y["zeros"])
    with pytest.warns(UserWarning, match=r"of 400 responses equal the bound 10, where no") as told:
        found = model.log_density(X, 10 * y["both"], joint=joint)
    assert len(told) == 1
    assert found.min() < -20 or joint
    model.log_density(X, 10 * y["zeros"], joint=joint)  # of these there is nothing to say
