"""Rows that the data of a fit do not determine: NaN with a reason, in whatever takes rows."""

import json
import pickle
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import PredefinedSplit, cross_validate

from skglmm import (
    BetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.inspection import PredictionDisplay, residuals
from skglmm.inspection.data.marginaleffects import _Mean
from skglmm.model_selection import log_density_scorer

FOLDER = Path(__file__).parent / "reference"
REFERENCE = json.loads((FOLDER / "estimable.json").read_text())
FORMULAS = ("dose * soil + (1 | plot)", "dose:soil + (1 | plot)", "0 + soil:dose + (1 | plot)")

pytestmark = pytest.mark.filterwarnings("ignore:dropped from the:UserWarning")


@pytest.fixture(scope="module")
def data():
    frame = pd.read_csv(FOLDER / "simulated_empty_cell.csv")
    return frame, frame.pop("y").to_numpy()


@pytest.fixture(scope="module")
def models(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return [BetaGLMMRegressor(formula).fit(*data) for formula in FORMULAS]


@pytest.fixture(scope="module")
def doubled(data):
    """Two numbers of which one is a function of the other, in both predictors."""
    frame, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return BetaGLMMRegressor("width + girth + (1 | plot)", precision="season + late").fit(
            frame.assign(late=2 * frame["season"] - 1), y
        )


@pytest.fixture
def rows(data):
    """Six rows: the mean of the second is open, and the precision of the third."""
    frame = data[0].head(6).assign(late=2.0 * data[0]["season"] - 1)
    frame["girth"] += [0, 1.5, 0, 0, 0, 0]
    frame["late"] += [0, 0, 1, 0, 0, 0]
    return frame


MEAN, PRECISION = np.arange(6) == 1, np.arange(6) == 2
EITHER = MEAN | PRECISION


def cells():
    means = pd.DataFrame(REFERENCE["means"])
    means[["dose", "soil"]] = means["cell"].str.split(" ", expand=True).to_numpy()
    return means


def silent(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments, **options)


def told(function, *arguments, **options):
    """What a function returns, and the one thing that it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function(*arguments, **options)
    (warning,) = caught
    assert Path(warning.filename).name == Path(__file__).name
    return found, str(warning.message)


# --- against R ------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", REFERENCE["estimable"])
def test_the_rows_are_those_that_estimability_names(data, formula):
    model = BetaGLMMRegressor(formula.replace("^", "**")).fit(*data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = model.predict(pd.DataFrame(REFERENCE["rows"]))
    assert_array_equal(np.isfinite(found), REFERENCE["estimable"][formula])


@pytest.mark.parametrize("spelling", range(3))
def test_cells_have_the_means_of_emmeans_whatever_the_spelling(models, spelling):
    model, means = models[spelling], cells()
    assert_allclose(model.log_likelihood_, REFERENCE["log_likelihood"], atol=1e-7)
    found = silent(model.predict_frame, means, kind="fixed")
    linear, linear_se = silent(model.predict_linear, means, kind="fixed", return_std=True)
    assert_allclose(found["mean"], means["mean"], atol=5e-6)  # the optimizer of glmmTMB
    assert_allclose(found["mean_se"], means["se"], rtol=1e-5)
    assert_allclose(linear, means["linear"], atol=2e-5)
    assert_allclose(linear_se, means["linear_se"], rtol=1e-5)


@pytest.mark.parametrize("spelling", range(3))
def test_an_empty_cell_has_no_prediction(models, spelling):
    (none,) = REFERENCE["none"]
    rows = pd.DataFrame([none, {"dose": "low", "soil": "peat"}])
    found, text = told(models[spelling].predict_frame, rows, kind="marginal")
    assert_array_equal(found.isna(), [[True] * 6, [False] * 6])
    assert "the data do not determine the mean in 1 of 2 rows" in text
    assert "dose='high'" in text
    assert "soil='peat'" in text
    assert "in all rows of fit" in text
    assert "leave these rows out" in text


# --- methods --------------------------------------------------------------------------------------


def test_the_rows_of_the_fit_are_determined(data, models, doubled):
    frame, y = data
    for model in (*models, doubled):
        X = frame.assign(late=2 * frame["season"] - 1)
        assert np.isfinite(silent(model.predict_frame, X)).all(axis=None)
        assert np.isfinite(silent(model.log_density, X, y, joint=True)).all()
        assert np.isfinite(silent(model.score, X, y))
        silent(model.r2, X, y)


METHODS = {  # what depends on the mean alone, and on the precision, too
    "predict": (lambda m, X, y: m.predict(X), MEAN),
    "std": (lambda m, X, y: m.predict(X, return_std=True)[1], EITHER),
    "marginal": (lambda m, X, y: m.predict(X, kind="marginal"), MEAN),
    "linear": (lambda m, X, y: np.transpose(m.predict_linear(X, return_std=True)), MEAN),
    "precision": (lambda m, X, y: m.predict_linear(X, "precision"), PRECISION),
    "mean limits": (lambda m, X, y: m.predict_interval(X), MEAN),
    "marginal limits": (lambda m, X, y: m.predict_interval(X, kind="marginal"), MEAN),
    "limits": (lambda m, X, y: m.predict_interval(X, "response"), EITHER),
    "quantile": (lambda m, X, y: m.predict_quantile(X, [0.1, 0.9]), EITHER),
    "frame": (lambda m, X, y: m.predict_frame(X).iloc[:, :4], MEAN),
    "frame limits": (lambda m, X, y: m.predict_frame(X).iloc[:, 4:], EITHER),
    "sample": (lambda m, X, y: m.sample_y(X, 2, random_state=0), EITHER),
    "new": (lambda m, X, y: m.sample_y(X, random_state=0, random_effects="new"), EITHER),
    "density": (lambda m, X, y: m.log_density(X, y), EITHER),
    "joint": (lambda m, X, y: m.log_density(X, y, joint=True), EITHER),
    "residuals": (residuals, MEAN),
    "pearson": (lambda m, X, y: residuals(m, X, y, "pearson"), EITHER),
    "deviance": (lambda m, X, y: residuals(m, X, y, "deviance"), EITHER),
    "quantiles": (lambda m, X, y: residuals(m, X, y, "quantile", False), EITHER),
    "simulated": (lambda m, X, y: residuals(m, X, y, "simulated", random_state=0), EITHER),
}


@pytest.mark.parametrize("name", METHODS)
def test_what_depends_on_an_open_predictor_is_nan(data, doubled, rows, name):
    method, expected = METHODS[name]
    found, text = told(method, doubled, rows, data[1][:6])
    found = np.asarray(found).reshape(6, -1)
    assert_array_equal(np.isnan(found), np.repeat(expected[:, None], found.shape[1], axis=1))
    where = f"where girth={rows['girth'].iloc[1]:g}, width={rows['width'].iloc[1]:g}"
    why = "(in all rows of fit 'girth' is 1 + 3.25 * width)"
    assert (f"the mean in 1 of 6 rows, {where} {why}" in text) == (name != "precision")
    relation = "'late' is -1 + 2 * season"
    assert (relation in text) == bool(expected[2] or "frame" in name)


@pytest.mark.parametrize("name", [n for n in METHODS if n not in {"sample", "new", "simulated"}])
def test_other_rows_are_answered_as_without_the_open_ones(data, doubled, rows, name):
    method, _ = METHODS[name]
    whole, _ = told(method, doubled, rows, data[1][:6])
    rest = silent(method, doubled, rows[~EITHER], data[1][:6][~EITHER])
    assert_allclose(np.asarray(whole)[~EITHER], np.asarray(rest), rtol=1e-6)


def test_many_rows_are_counted_over_all_slices(data, doubled, rows, monkeypatch):
    monkeypatch.setattr("skglmm.estimators.reading.slices.ROWS", 4)
    found, text = told(doubled.predict, rows)
    assert_array_equal(np.isnan(found), MEAN)
    assert "the mean in 1 of 6 rows" in text
    many = pd.concat([rows.iloc[[1]].assign(girth=rows["girth"] + i) for i in range(7)])
    _, text = told(doubled.predict, many.fillna(100.0))
    assert "the mean in 7 of 7 rows" in text
    assert "; and 4 more (in all rows" in text


def test_unseen_groups_are_not_blamed_on_the_data(data, doubled, rows):
    model = pickle.loads(pickle.dumps(doubled)).set_params(new_groups="nan")
    new = rows.assign(plot=["new" if open_ else "p01" for open_ in PRECISION])
    found, text = told(model.predict, new)
    assert_array_equal(np.isnan(found), EITHER)
    assert "precision" not in text


def test_rows_that_are_open_cannot_update_effects(data, doubled, rows):
    y = data[1][:6]
    with pytest.raises(ValueError, match=r"cannot update the random effects.*1 \+ 3.25 \* width"):
        doubled.condition(rows, y)
    updated = silent(doubled.condition, rows, y, sample_weight=~EITHER)
    assert_array_equal(np.isnan(told(updated.predict, rows)[0]), MEAN)


ESTIMATORS = [
    BetaGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    ExtendedBetaGLMMRegressor,
]


@pytest.mark.filterwarnings("ignore:no response equals the bound:UserWarning")
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_predictor_of_every_family_is_looked_at(kind):
    rng = np.random.default_rng(4)
    x = rng.normal(size=250)
    X = pd.DataFrame({"x": x, "twice": 2 * x})
    y = rng.beta(1.2 + 0.3 * (x > 0), 1.2, 250).round(1)
    masses = kind._family.masses
    y = np.clip(y, 0 if 0.0 in masses else 0.01, 1 if 1.0 in masses else 0.99)
    new = pd.DataFrame({"x": [0.5, 0.5], "twice": [1.0, 3.0]})
    texts = {key for key, value in kind().get_params().items() if isinstance(value, str)}
    for name in ("formula", *sorted(texts.intersection(kind._family.predictors))):
        model = kind(**{"formula": "x", name: "x + twice"}, inference=False).fit(X, y)
        family = model.fit_.family
        place = 0 if name == "formula" else family.predictors.index(name)
        where = {"mean": family.mean_predictors, "boundary": family.part_predictors}
        for answer, needed in (
            (model.predict, place in where["mean"]),
            (model.predict_proba_boundary, place in where["boundary"]),
            (lambda rows, m=model: m.predict(rows, return_std=True)[1], True),
            (lambda rows, m=model: m.predict_quantile(rows, 0.5), True),
            (lambda rows, m=model: m.sample_y(rows, random_state=0), True),
            (lambda rows, m=model: m.log_density(rows, [0.3, 0.3]), True),
        ):
            found, *text = told(answer, new) if needed else (silent(answer, new),)
            found = np.asarray(found).reshape(2, -1)
            assert np.isfinite(found[0]).all()
            assert np.isnan(found[1]).all() == needed
            assert not needed or f"the {family.predictors[place]} in 1 of 2 rows" in text[0]


@pytest.mark.parametrize("kind", ["fixed", "marginal"])
def test_marginaleffects_gets_no_mean_of_open_rows(doubled, rows, kind):
    mean = _Mean(doubled, kind)
    design, text = told(mean.read, rows)
    assert "the mean in 1 of 6 rows" in text
    assert_array_equal(np.isnan(mean(mean.params + 0.01, design)), MEAN)


def test_a_category_of_one_level_refuses_others(data):
    frame, y = data
    with pytest.warns(UserWarning, match="'farm' has the single level"):
        model = BetaGLMMRegressor("farm + width").fit(frame.assign(farm="north"), y)
    with pytest.raises(ValueError, match="farm"):
        model.predict(frame.head(2).assign(farm="south"))


def test_a_constant_column_holds_for_its_value_only(data):
    frame, y = data
    model = BetaGLMMRegressor("width + dry").fit(frame.assign(dry=3.5), y)
    rows = frame.head(2).assign(dry=[3.5, 4.0])
    found, text = told(model.predict, rows)
    assert_array_equal(np.isnan(found), [False, True])
    assert "where dry=4 (in all rows of fit 'dry' is 3.5)" in text
    plain = BetaGLMMRegressor("width").fit(frame, y)
    assert_allclose(found[0], plain.predict(rows.head(1))[0], rtol=1e-9)


# --- scores ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scoring", [None, log_density_scorer()])
def test_folds_with_open_rows_have_no_score_and_the_reason(data, scoring):
    frame, y = data
    cell = ((frame["dose"] == "low") & (frame["soil"] == "sand")).to_numpy()
    fold = np.where(cell, 0, np.arange(len(y)) % 2 + 1)
    model, cv = BetaGLMMRegressor("dose * soil"), PredefinedSplit(fold)
    with pytest.warns(UserWarning, match="dose='low', soil='sand'"):
        found = cross_validate(model, frame, y, cv=cv, scoring=scoring)["test_score"]
    assert_array_equal(np.isnan(found), [True, False, False])
    with pytest.raises(ValueError, match="the data do not determine the mean in 14 of 14 rows"):
        cross_validate(model, frame, y, cv=cv, scoring=scoring, error_score="raise")


def test_rows_of_weight_zero_do_not_matter_to_the_density(data, doubled, rows):
    y, weights = data[1][:6], np.where(EITHER, 0.0, 2.0)
    scorer = log_density_scorer(joint=False)
    found = scorer(doubled, rows, y, sample_weight=weights)
    assert_allclose(found, scorer(doubled, rows[~EITHER], y[~EITHER]), rtol=1e-12)
    with pytest.raises(ValueError, match="there is no log density of these rows"):
        scorer(doubled, rows, y)
    with pytest.raises(ValueError, match="there is no R² of these rows"):
        doubled.score(rows, y)
    assert np.isfinite(silent(doubled.score, rows[~MEAN], y[~MEAN]))  # of the mean alone


# --- tests, displays, stored fits -----------------------------------------------------------------


def test_constraints_are_judged_by_what_they_say(data):
    frame, y = data
    model = BetaGLMMRegressor("width + girth + season").fit(frame, y)
    alone = BetaGLMMRegressor("width + season").fit(frame, y)
    slope = silent(model.wald_test, "width + 3.25 * girth = 0")  # which rows of fit determine
    expected = alone.wald_test("width = 0")
    assert_allclose(slope.statistic, expected.statistic, rtol=1e-8)
    assert_allclose(slope.estimate, expected.estimate, rtol=1e-8)
    with pytest.raises(ValueError, match="do not determine 'girth'"):
        model.wald_test("girth = 0")
    with pytest.raises(ValueError, match="do not determine 'girth'"):
        model.wald_test("season = 0, width = girth")
    found = model.wald_test("season = 0, width = 0")  # as the table of coefficients has them
    assert found.relative_to == ("girth",)
    assert str(found).endswith("(season = 0, width = 0; given 0 for the dropped girth)")
    assert_allclose(found.statistic, alone.wald_test("season = 0, width = 0").statistic, rtol=1e-8)
    assert model.wald_test("season = 0").relative_to == slope.relative_to == ()


def test_differences_of_cells_do_not_depend_on_the_spelling(models):
    first, second, third = models
    (names, table) = (first.coef_names_, cells().set_index("cell")["linear"])
    assert "dose[T.low]" in names
    test = silent(first.wald_test, "dose[T.low] = 0")  # at the first soil
    assert_allclose(test.estimate, table["low clay"] - table["high clay"], atol=3e-5)
    other = silent(third.wald_test, "soil[clay]:dose[low] = soil[clay]:dose[high]")
    assert_allclose(test.statistic, other.statistic, rtol=1e-6)
    for model in (first, second):  # a difference to the empty cell, of which one column was kept
        assert len(model.wald_test("soil[T.peat] = 0").relative_to) == 1
    assert test.relative_to == other.relative_to == ()
    with pytest.raises(ValueError, match="do not determine"):
        third.wald_test("soil[peat]:dose[low] = soil[peat]:dose[high]")


def test_curves_have_gaps(data):
    frame, y = data
    X = frame.assign(kind=np.where(frame["season"] == 1, frame["width"].round(), 30.0))
    model = BetaGLMMRegressor("width + kind:season").fit(X.assign(kind=0.0), y)
    with pytest.warns(UserWarning, match="'kind:season' is 0"):
        display = PredictionDisplay.from_estimator(
            model, X, y, feature="width", by="season", kind="fixed", n_points=10
        )
    below, above = display.lines_
    assert np.isfinite(below.get_ydata()).all()
    assert np.isnan(above.get_ydata()).all()
    display.figure_.canvas.draw()
    plt.close(display.figure_)


def test_a_fit_stored_without_null_spaces_says_so(data, doubled, rows):
    old = pickle.loads(pickle.dumps(doubled))
    old.fit_ = replace(old.fit_, null_spaces=None)
    del old.fit_.__dict__["null_spaces"]  # as it was written before
    stored = pickle.dumps(old)
    with pytest.warns(UserWarning, match="stored by an earlier version"):
        again = pickle.loads(stored)
    assert np.isfinite(again.predict(rows)).all()
    whole = BetaGLMMRegressor("width").fit(*data)
    whole.fit_ = replace(whole.fit_, null_spaces=None)
    silent(pickle.loads, pickle.dumps(whole))  # nothing was dropped
    with pytest.raises(ValueError, match="do not determine 'girth'"):
        again.wald_test("width + 3.25 * girth = 0")  # of which it does not know


def test_refits_of_a_design_with_dropped_columns_are_those_without(data):
    frame, y = data
    with_, without = (
        BetaGLMMRegressor(f"width{more} + (1 | plot)").fit(frame, y) for more in (" + girth", "")
    )
    for method in ("profile", "bootstrap"):
        options = {"n_replicates": 40, "random_state": 3} if method == "bootstrap" else {}
        pair = [m.confint(frame, y, method=method, **options) for m in (with_, without)]
        assert pair[0].loc["girth"].isna().iloc[1:].all() or method == "profile"
        assert_allclose(pair[0].drop(index="girth"), pair[1], rtol=1e-4)
