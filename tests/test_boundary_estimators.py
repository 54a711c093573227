"""Estimators of exact zeros and ones: what they take, what they answer, how they compare."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import beta as beta_distribution
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.datasets import make_dragons
from skglmm.inspection import (
    DiagnosticsDisplay,
    PredictionDisplay,
    ResidualDisplay,
    check_residuals,
    data_grid,
    residuals,
)
from skglmm.model_selection import compare, likelihood_ratio_test

FORMULA = "bodyLength + (1 | mountainRange)"
BOTH = {
    "zero-one-inflated": ZeroOneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
    "ordered": OrderedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
    "extended": ExtendedBetaGLMMRegressor(FORMULA, bounds=(0, 100)),
    "fixed": ExtendedBetaGLMMRegressor(FORMULA, exceedance=0.05, bounds=(0, 100)),
}
INFLATED = {
    "zero": (ZeroInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), 0.0),
    "one": (OneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100)), 100.0),
}


@pytest.fixture(scope="module")
def dragons():
    return make_dragons(random_state=0, return_X_y=True)


@pytest.fixture(scope="module", params=BOTH)
def fitted(request, dragons):
    return clone(BOTH[request.param]).fit(*dragons)


def small(seed=0, n=300, n_groups=15, zeros=0.0, ones=0.0):
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, n_groups, n), rng.normal(size=n)
    eta = 0.3 + 0.5 * x + rng.normal(0, 0.7, n_groups)[g]
    y = rng.beta(8 * expit(eta), 8 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    part = rng.random(n)
    y[part < zeros], y[part > 1 - ones] = 0.0, 1.0
    return pd.DataFrame({"x": x, "g": g}), y


# --- answers --------------------------------------------------------------------------------------


def test_probabilities_of_the_bounds_suit_those_of_simulated_responses(fitted, dragons):
    X, y = dragons
    found = fitted.predict_proba_boundary(X)
    assert list(found.columns) == ["lower", "interior", "upper"]
    assert found.index.equals(X.index)
    assert_allclose(found.sum(axis=1), 1.0, rtol=1e-9)
    draws = fitted.sample_y(X, 400, random_state=0)
    for column, bound in (("lower", 0.0), ("upper", 100.0)):
        share, expected = np.mean(draws == bound), found[column].mean()
        assert abs(share - expected) < 5 * np.sqrt(expected / draws.size)
        assert abs(np.mean(y == bound) - expected) < 0.02


def test_means_are_those_of_all_responses(fitted, dragons):
    X, _ = dragons
    rows = X.iloc[::120]
    mean, std = fitted.predict(rows, return_std=True)
    often = rows.loc[rows.index.repeat(100)]  # many rows are drawn at once, and few one by one
    draws = fitted.sample_y(often, 200, random_state=1).reshape(len(rows), -1)
    assert_allclose(mean, draws.mean(axis=1), atol=6 * 30 / np.sqrt(20_000))
    assert_allclose(std, draws.std(axis=1), rtol=0.03)


def test_quantiles_reach_the_bounds(fitted, dragons):
    X, _ = dragons
    rows = X.iloc[::80]
    probability = fitted.predict_proba_boundary(rows)
    q = [1e-5, 0.3, 0.9, 1.0 - 1e-5]
    found = fitted.predict_quantile(rows, q)
    assert np.all(np.diff(found, axis=1) >= 0.0)
    for j in (0, 3):
        below = probability["lower"].to_numpy() >= q[j] * 1.5
        above = probability["upper"].to_numpy() >= (1.0 - q[j]) * 1.5
        assert np.all(found[below, j] == 0.0)
        assert np.all(found[above, j] == 100.0)
    assert np.all((found[:, 1:3] > 0.0) & (found[:, 1] < 100.0)[:, None])


def test_every_method_answers(fitted, dragons):
    X, y = dragons
    new = X.head(2).assign(mountainRange="elsewhere")
    for rows in (X.head(2), new):
        frame = fitted.predict_frame(rows)
        assert frame.notna().all(axis=None)
        assert np.all((frame["mean_ci_lower"] < frame["mean"]).to_numpy())
        assert np.all((frame["mean"] < frame["mean_ci_upper"]).to_numpy())
    for kind in ("fixed", "marginal"):
        assert np.isfinite(fitted.predict_interval(X.head(4), kind=kind)).all()
        assert fitted.predict_proba_boundary(X.head(4), kind=kind).notna().all(axis=None)
    assert np.isfinite(fitted.log_density(X, y)).all()
    assert np.isfinite(fitted.log_density(X, y, joint=True)).all()
    assert 0.0 < fitted.r2(X, y).response.conditional < 1.0
    assert len(fitted.confint()) == fitted.n_params_
    assert fitted.tidy()["estimate"].notna().all()
    assert fitted.glance()["converged"].all()
    assert 0.0 < fitted.score(X, y) < 1.0
    assert fitted.condition(new, y[:2]).predict(new).shape == (2,)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict(X), fitted.predict(X))


def test_residuals_of_a_true_model_are_standard_normal(dragons):
    X, _ = dragons
    model = clone(BOTH["ordered"]).fit(*dragons)
    y = model.sample_y(X, random_state=5)[:, 0]
    again = clone(model).fit(X, y)
    for kind in ("quantile", "pearson"):
        found = residuals(again, X, y, kind=kind, random_state=0)
        assert abs(found.mean()) < 0.15
        assert 0.9 < found.std() < 1.1
    uniform = residuals(again, X, y, kind="simulated", random_state=0)
    assert abs(uniform.mean() - 0.5) < 0.05
    signed = residuals(again, X, y, kind="deviance")
    assert np.all(signed[y == 0.0] < 0.0)
    assert np.all(signed[y == 100.0] > 0.0)
    assert check_residuals(again, X, y, random_state=0).to_frame()["p_value"].min() > 1e-4


@pytest.mark.slow
def test_displays_are_drawn(fitted, dragons):
    X, y = dragons
    PredictionDisplay.from_estimator(fitted, X, y, feature="bodyLength")
    ResidualDisplay.from_estimator(fitted, X, y, random_state=0)
    DiagnosticsDisplay.from_estimator(fitted, X, y, random_state=0)
    grid = data_grid(X, by="mountainRange", n=5)
    assert np.isfinite(fitted.predict(grid)).all()


def test_the_mean_of_an_inflated_model_has_both_parts(dragons):
    X, y = dragons
    for model, bound in INFLATED.values():
        kept = (y > 0) & (y < 100) | (y == bound)
        rows = X[kept]
        found = clone(model).fit(rows, y[kept])
        probability = found.predict_proba_boundary(rows)
        column = "lower" if bound == 0.0 else "upper"
        assert_allclose(probability[column], np.mean(y[kept] == bound), rtol=1e-4)
        inner = 100.0 * expit(found.predict_linear(rows))
        share = probability[column].to_numpy()
        assert_allclose(found.predict(rows), (1 - share) * inner + share * bound, rtol=1e-9)


def test_the_log_likelihood_has_a_density_between_the_bounds_and_probabilities_on_them():
    X, y = small(zeros=0.1, ones=0.1)
    unit = ZeroOneInflatedBetaGLMMRegressor("x").fit(X, y)
    percent = ZeroOneInflatedBetaGLMMRegressor("x", bounds=(0, 100)).fit(X, 100 * y)
    inside = (y > 0) & (y < 1)
    expected = unit.log_likelihood_ - inside.sum() * np.log(100.0)
    assert_allclose(percent.log_likelihood_, expected, rtol=1e-9)
    by_row = percent.log_density(X, 100 * y) - unit.log_density(X, y)
    assert_allclose(by_row, np.where(inside, -np.log(100.0), 0.0), atol=1e-9)
    mu, phi = expit(unit.predict_linear(X)), np.exp(unit.precision_coef_[0])
    probability = unit.predict_proba_boundary(X).to_numpy()
    part = np.where(y == 0, 0, np.where(y == 1, 2, 1))
    value = np.log(probability[np.arange(len(y)), part])
    value[inside] += beta_distribution.logpdf(y, mu * phi, (1 - mu) * phi)[inside]
    assert_allclose(unit.log_likelihood_, value.sum(), rtol=1e-8)


# --- comparisons ----------------------------------------------------------------------------------


def test_families_of_the_same_responses_are_compared(dragons):
    models = [clone(model).fit(*dragons) for model in BOTH.values()]
    table = compare(*models)
    assert table.index[0] == "OrderedBeta: 1 + bodyLength + (1 | mountainRange)"
    assert table["lr_against"].isna().all()
    assert_allclose(table["weight"].sum(), 1.0)
    with pytest.raises(ValueError, match="the families differ"):
        likelihood_ratio_test(models[0], models[1])


@pytest.mark.parametrize("boundary", [1e-4, "squeeze"])
def test_moved_responses_are_not_compared_with_unmoved_ones(dragons, boundary):
    moved = BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=boundary).fit(*dragons)
    ordered = clone(BOTH["ordered"]).fit(*dragons)
    with pytest.raises(ValueError, match="no likelihood of the responses themselves"):
        compare(moved, ordered)


def test_families_and_structures_are_searched(dragons):
    X, y = dragons
    pipeline = make_pipeline(BOTH["ordered"])
    grid = [
        {pipeline.steps[0][0]: [BOTH["ordered"], BOTH["zero-one-inflated"]]},
        {pipeline.steps[0][0]: [ZeroOneInflatedBetaGLMMRegressor(FORMULA, bounds=(0, 100))],
         f"{pipeline.steps[0][0]}__zero": ["1", "bodyLength"]},
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # folds without responses on a bound
        search = GridSearchCV(pipeline, grid, cv=KFold(3, shuffle=True, random_state=0)).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- responses that were moved --------------------------------------------------------------------


def test_the_diagnosis_tells_what_follows_moved_responses(dragons):
    X, y = dragons
    model = BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=1e-4).fit(X, y)
    (found,) = [each for each in model.diagnose(X, y).findings if each.kind == "moved responses"]
    assert found.severity == "warning"
    assert found.subject == "precision"
    assert "boundary=0.001, 0.0001, 1e-05" in found.finding
    shown = [
        BetaGLMMRegressor(FORMULA, bounds=(0, 100), boundary=each).fit(X, y)
        for each in (1e-3, 1e-4, 1e-5)
    ]
    for each in shown:
        assert f"{np.exp(each.precision_coef_[0]):.4g}" in found.finding


def test_few_moved_responses_are_a_note_and_none_are_not_mentioned():
    X, y = small()
    kinds = [each.kind for each in BetaGLMMRegressor("x").fit(X, y).diagnose(X, y).findings]
    assert "moved responses" not in kinds
    squeezed = BetaGLMMRegressor("x", boundary="squeeze").fit(X, y)
    assert squeezed.n_boundary_ == len(y)
    kinds = [each.kind for each in squeezed.diagnose(X, y).findings]
    assert "moved responses" not in kinds  # none was on a bound


# --- refusals and hard data -----------------------------------------------------------------------


def test_a_bound_without_a_probability_names_the_models_that_have_one():
    X, y = small(zeros=0.1)
    with pytest.raises(ValueError, match="ZeroInflatedBetaGLMMRegressor, ZeroOneInflated"):
        BetaGLMMRegressor("x").fit(X, y)
    with pytest.raises(ValueError, match="with a probability for it, ZeroOneInflated"):
        OneInflatedBetaGLMMRegressor("x").fit(X, np.where(np.arange(len(y)) == 0, 1.0, y))


def test_responses_on_the_other_bound_are_moved_on_request():
    X, y = small(zeros=0.1, ones=0.05)
    model = ZeroInflatedBetaGLMMRegressor("x", boundary=1e-4).fit(X, y)
    assert model.n_boundary_ == (y == 1.0).sum()
    assert_allclose(model.predict_proba_boundary(X)["lower"], np.mean(y == 0.0), rtol=1e-4)
    with pytest.raises(ValueError, match="gives a bound a probability of its own"):
        ZeroInflatedBetaGLMMRegressor("x", boundary="squeeze").fit(X, y)


@pytest.mark.parametrize("name", BOTH)
def test_responses_that_all_lie_on_bounds_are_refused(name):
    X, y = small()
    model = clone(BOTH[name]).set_params(formula="x + (1 | g)", bounds=(0, 1))
    with pytest.raises(ValueError, match="all 300 responses lie exactly on a bound"):
        model.fit(X, np.round(y))


@pytest.mark.parametrize("exceedance", [0, -0.1, np.inf, np.nan, "a"])
def test_exceedances_that_are_none_are_refused(exceedance):
    with pytest.raises(ValueError, match=r"exceedance=.* must be None"):
        ExtendedBetaGLMMRegressor("x", exceedance=exceedance).fit(*small(zeros=0.1))


def hard(name):
    if name == "93 % zeros":
        return small(zeros=0.93)
    if name == "groups without interior responses":
        X, y = small(zeros=0.1, ones=0.1)
        y[X["g"] < 4], y[X["g"] == 5] = 0.0, 1.0
        return X, y
    if name == "thirty rows":
        return small(n=30, n_groups=6, zeros=0.2, ones=0.2)
    X, y = small(zeros=0.2, ones=0.2)
    inside = np.flatnonzero((y > 0) & (y < 1))
    y[inside] = np.round(y[inside])
    y[inside[:2]] = 0.3  # two equal responses between the bounds
    return X, y


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize(
    "data", ["93 % zeros", "groups without interior responses", "thirty rows", "two inside"]
)
def test_hard_responses_have_a_fit_without_nan(name, data):
    X, y = hard(data)
    model = clone(BOTH[name]).set_params(formula="x + (1 | g)", bounds=(0, 1)).fit(X, y)
    assert model.converged_
    assert np.isfinite([model.log_likelihood_, model.aic_, *model.coef_]).all()
    assert np.isfinite(model.predict(X)).all()
    assert model.predict_frame(X.head(3)).notna().all(axis=None)
    str(model.summary())


def test_a_bound_that_no_response_touches_is_told():
    X, y = small()
    with pytest.warns(UserWarning, match="no response equals the bound 0"):
        model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    plain = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
    assert_allclose(model.log_likelihood_, plain.log_likelihood_, atol=1e-6)
    assert_allclose(model.predict(X), plain.predict(X), atol=1e-6)


@pytest.mark.filterwarnings("ignore:the likelihood rises for ever")
def test_a_column_that_separates_the_zeros_is_found():
    X, y = small()
    y[X["x"] > 0] = 0.0
    model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)", zero="x").fit(X, y)
    assert np.isfinite(model.log_likelihood_)
    assert_allclose(model.predict_proba_boundary(X)["lower"], y == 0.0, atol=0.2)
    kinds = [each.kind for each in model.diagnose(X, y).warnings]
    assert "separation" in kinds


def test_rows_in_any_order_and_weights_as_copies_give_the_same_fit():
    X, y = small(zeros=0.1, ones=0.1)
    model = OrderedBetaGLMMRegressor("x + (1 | g)")
    here = clone(model).fit(X, y)
    order = np.random.default_rng(1).permutation(len(y))
    assert_allclose(
        clone(model).fit(X.iloc[order], y[order]).log_likelihood_, here.log_likelihood_, rtol=1e-9
    )
    twice = np.repeat(np.arange(len(y)), 1 + (np.arange(len(y)) % 2))
    copied = clone(model).fit(X.iloc[twice], y[twice])
    weighted = clone(model).fit(X, y, 1 + (np.arange(len(y)) % 2))
    assert_allclose(weighted.log_likelihood_, copied.log_likelihood_, rtol=1e-9)
    assert_allclose(weighted.coef_, copied.coef_, rtol=1e-6)
