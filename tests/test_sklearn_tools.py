"""scikit-learn's tools around a mixed model: searches, pipelines, routing, copies."""

import io
import multiprocessing
import os
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.parts import Here


def grouped(seed=2):
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(20), 15)
    x, z = rng.normal(200, 15, size=300), rng.normal(size=300)
    b, s = rng.normal(0, 0.9, 20), rng.normal(0, 0.4, 20)
    eta = 0.2 + (0.4 + s[code]) * (x - 200) / 15 + b[code]
    y = rng.beta(9 * expit(eta), 9 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    return pd.DataFrame({"x": x, "z": z, "g": [f"g{i}" for i in code]}), y


@pytest.fixture(scope="module")
def data():
    return grouped()


# --- copies ---------------------------------------------------------------------------------------


def test_a_clone_has_the_parameters_and_nothing_else(data):
    model = BetaGLMMRegressor(groups={"g": ["1", "0 + x"]}, bounds=(0, 1)).fit(*data)
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert not hasattr(again, "fit_")


@pytest.mark.parametrize("how", ["pickle", "joblib"])
def test_a_copy_predicts_the_same(data, how):
    X, y = data
    model = BetaGLMMRegressor("poly(x, 2) + (x | g)").fit(X, y)
    if how == "pickle":
        again = pickle.loads(pickle.dumps(model))
    else:
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        buffer.seek(0)
        again = joblib.load(buffer)
    assert_array_equal(again.predict(X), model.predict(X))
    assert_array_equal(again.predict(X, kind="marginal"), model.predict(X, kind="marginal"))
    assert again.confint().equals(model.confint())


def test_the_tags_are_those_of_a_regressor():
    tags = get_tags(BetaGLMMRegressor())
    assert tags.estimator_type == "regressor"
    assert tags.target_tags.required
    assert not tags.input_tags.string
    assert not tags.input_tags.categorical


# --- searches -------------------------------------------------------------------------------------


def test_a_grid_searches_over_formulas(data):
    formulas = ["x", "x + (1 | g)", "x + (x | g)"]
    search = GridSearchCV(
        BetaGLMMRegressor(inference=False),
        {"formula": formulas},
        cv=KFold(5, shuffle=True, random_state=0),
    ).fit(*data)
    assert search.best_params_ == {"formula": "x + (x | g)"}
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] < scores[1] < scores[2]


def test_a_grid_searches_over_groups(data):
    structures = [None, "g", {"g": "1 + x"}, {"g": ["1", "0 + x"]}]
    X, y = data
    centered = X.assign(x=(X["x"] - 200) / 15)  # where independence of slopes can be true
    search = GridSearchCV(BetaGLMMRegressor("x"), {"groups": structures}, cv=3, error_score="raise")
    search.fit(centered, y)
    assert search.best_params_["groups"] in structures[1:]
    assert search.best_estimator_.n_levels_ == {"g": 20}


def test_a_search_in_two_processes_gives_the_same_scores(data):
    grid = {"formula": ["x + (1 | g)", "x + (x | g)"]}
    one, two = (
        GridSearchCV(BetaGLMMRegressor(), grid, cv=3, n_jobs=n_jobs).fit(*data) for n_jobs in (1, 2)
    )
    assert_allclose(one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"])


def test_a_candidate_that_does_not_converge_scores_and_warns(data):
    grid = {"max_iter": [1, 200]}
    search = GridSearchCV(BetaGLMMRegressor("x + (x | g)"), grid, cv=2, refit=False)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        search.fit(*data)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_held_out_groups_are_predicted_by_the_average_over_groups(data):
    X, y = data
    model = BetaGLMMRegressor("x + (x | g)")
    scores = cross_val_score(model, X, y, groups=X["g"], cv=GroupKFold(5), error_score="raise")
    assert np.isfinite(scores).all()
    means = cross_val_predict(model, X, y, groups=X["g"], cv=GroupKFold(5))
    train, test = next(GroupKFold(5).split(X, y, X["g"]))
    fitted = clone(model).fit(X.iloc[train], y[train])
    assert_allclose(means[test], fitted.predict(X.iloc[test], kind="marginal"))


# --- pipelines ------------------------------------------------------------------------------------


def scaled():
    return ColumnTransformer(
        [("scale", StandardScaler(), ["x", "z"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    )


def test_a_pipeline_that_keeps_frames_keeps_formulas(data):
    X, y = data
    pipeline = make_pipeline(
        scaled().set_output(transform="pandas"), BetaGLMMRegressor("x + (x | g)")
    ).fit(X, y)
    raw = BetaGLMMRegressor("x + (x | g)").fit(X, y)
    assert_allclose(pipeline.predict(X), raw.predict(X), rtol=1e-5)
    assert_allclose(pipeline[-1].log_likelihood_, raw.log_likelihood_, rtol=1e-9)
    mean, std = pipeline.predict(X, return_std=True)
    assert mean.shape == std.shape == (300,)


@pytest.fixture(scope="module")
def piped(data):
    """A fitted pipeline that standardizes, and the same model fitted to standardized rows."""
    X, y = data
    model = BetaGLMMRegressor("x + z + (x | g)")
    pipeline = make_pipeline(scaled().set_output(transform="pandas"), clone(model)).fit(X, y)
    standard = X[["x", "z"]].apply(lambda column: (column - column.mean()) / column.std(ddof=0))
    direct = X.assign(**standard)
    return pipeline, model.fit(direct, y), direct


def test_a_pipeline_delegates_the_choices_of_predict_and_score(data, piped):
    (X, y), (pipeline, model, direct) = data, piped
    for kind in ("conditional", "fixed", "marginal", {"g"}):
        assert_allclose(pipeline.predict(X, kind=kind), model.predict(direct, kind=kind), rtol=1e-6)
    found = pipeline.predict(X, kind="marginal", return_std=True)
    assert_allclose(found, model.predict(direct, kind="marginal", return_std=True), rtol=1e-6)
    assert_allclose(pipeline.score(X, y), model.score(direct, y), rtol=1e-6)
    assert pipeline.score(X, y) > 0.4


@pytest.mark.parametrize(
    "ask",
    [
        lambda model, X: model.predict_frame(X, kind="marginal"),
        lambda model, X: model.predict_interval(X),
        lambda model, X: model.predict_interval(X, "response", level=0.8),
        lambda model, X: model.predict_quantile(X, [0.1, 0.5]),
        lambda model, X: model.predict_linear(X, return_std=True),
        lambda model, X: model.sample_y(X, 3, random_state=0),
    ],
    ids=["frame", "mean", "response", "quantile", "linear", "sample"],
)
def test_the_last_step_of_a_pipeline_answers_what_pipelines_do_not_delegate(data, piped, ask):
    pipeline, model, direct = piped
    groups = ["never seen"] * 10 + list(data[0]["g"].tail(30))
    handed_over = pipeline[:-1].transform(data[0].tail(40).assign(g=groups))
    assert_array_equal(handed_over.index, data[0].index[-40:])
    expected = ask(model, direct.tail(40).assign(g=groups))
    assert_allclose(ask(pipeline[-1], handed_over), expected, rtol=1e-6)


def test_a_scaler_alone_keeps_frames_where_all_columns_are_numbers(data):
    X, y = data
    numbers = X[["x", "z"]]
    scaler = StandardScaler().set_output(transform="pandas")
    pipeline = make_pipeline(scaler, BetaGLMMRegressor("poly(x, 2)")).fit(numbers, y)
    table = pipeline[-1].predict_frame(pipeline[:-1].transform(numbers))
    assert_allclose(table["mean"], pipeline.predict(numbers))
    assert_array_equal(table.index, X.index)


def test_a_typical_group_needs_only_the_columns_that_the_transformers_need(data, piped):
    pipeline, model, direct = piped
    handed_over = pipeline[:-1].transform(data[0]).drop(columns="g")
    expected = model.predict(direct, kind="fixed")
    assert_allclose(pipeline[-1].predict(handed_over, kind="fixed"), expected, rtol=1e-6)


def test_a_pipeline_may_hand_over_polars_frames(data):
    X, y = data
    other = pl.DataFrame({name: X[name].to_list() for name in X})
    with_pandas, with_polars = (
        make_pipeline(scaled().set_output(transform=kind), BetaGLMMRegressor("x + (1 | g)"))
        for kind in ("pandas", "polars")
    )
    assert_allclose(with_polars.fit(other, y).predict(other), with_pandas.fit(X, y).predict(X))


def test_a_pipeline_that_drops_names_is_explained(data):
    pipeline = make_pipeline(scaled(), BetaGLMMRegressor("x + (1 | g)"))
    with pytest.raises(ValueError, match="set_output"):
        pipeline.fit(*data)


def test_a_pipeline_that_drops_names_works_with_positions(data):
    X, y = data
    pipeline = make_pipeline(scaled(), BetaGLMMRegressor(groups=2)).fit(X, y)
    assert pipeline[-1].formula_ == "1 + x0 + x1 + (1 | x2)"
    assert pipeline.score(X, y) > 0.4


def test_a_grid_searches_over_groups_inside_a_pipeline(data):
    pipeline = make_pipeline(scaled().set_output(transform="pandas"), BetaGLMMRegressor("x"))
    grid = {"betaglmmregressor__groups": [None, "g", {"g": "x"}]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(*data)
    assert search.best_params_["betaglmmregressor__groups"] is not None


def test_a_transformed_target_is_fitted_on_its_scale(data):
    X, y = data
    model = TransformedTargetRegressor(
        BetaGLMMRegressor("x + (1 | g)"), func=lambda s: s / 100, inverse_func=lambda u: 100 * u
    ).fit(X, 100 * y)
    assert_allclose(model.predict(X), 100 * BetaGLMMRegressor("x + (1 | g)").fit(X, y).predict(X))


def test_a_bag_of_models_is_fitted_by_position(data):
    X, y = data
    numbers = np.column_stack([pd.factorize(X["g"])[0], X["x"]])
    bag = BaggingRegressor(BetaGLMMRegressor(groups=0), n_estimators=3, random_state=0)
    assert bag.fit(numbers, y).score(numbers, y) > 0.4


def test_inspection_works_on_frames(data):
    X, y = data
    model = BetaGLMMRegressor("x + z + (1 | g)").fit(X, y)
    dependence = partial_dependence(model, X, ["x"], grid_resolution=5)
    assert dependence["average"].shape == (1, 5)
    importance = permutation_importance(model, X, y, n_repeats=2, random_state=0)
    assert importance.importances_mean[0] > importance.importances_mean[1]


# --- metadata routing -----------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_weights_are_routed_to_fit_and_score(data, routing):
    X, y = data
    weights = np.resize([1.0, 2.0, 0.5], 300)
    model = BetaGLMMRegressor("x + (1 | g)")
    model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    params = {"sample_weight": weights, "groups": X["g"]}
    result = cross_validate(
        model, X, y, params=params, cv=GroupKFold(3), return_estimator=True, error_score="raise"
    )
    train, test = next(GroupKFold(3).split(X, y, X["g"]))
    by_hand = BetaGLMMRegressor("x + (1 | g)").fit(X.iloc[train], y[train], weights[train])
    assert_allclose(result["estimator"][0].coef_, by_hand.coef_)
    expected = by_hand.score(X.iloc[test], y[test], weights[test])
    assert_allclose(result["test_score"][0], expected)


def test_weights_reach_the_last_step_of_a_pipeline(data, routing):
    X, y = data
    weights = np.resize([1.0, 2.0, 0.5], 300)
    model = BetaGLMMRegressor("x + (1 | g)").set_fit_request(sample_weight=True)
    scale = StandardScaler().set_fit_request(sample_weight=False)
    columns = ColumnTransformer(
        [("scale", scale, ["x"])], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    pipeline = make_pipeline(columns, model).fit(X, y, sample_weight=weights)
    direct = BetaGLMMRegressor("x + (1 | g)").fit(X, y, weights)
    assert_allclose(pipeline[-1].log_likelihood_, direct.log_likelihood_, rtol=1e-9)


def test_a_routed_choice_of_predict_must_be_requested(data, routing):
    X, y = data
    scaler = scaled().set_output(transform="pandas")
    model = BetaGLMMRegressor("x + (1 | g)").set_predict_request(kind=True)
    pipeline = make_pipeline(scaler, model).fit(X, y)
    expected = pipeline[-1].predict(pipeline[:-1].transform(X), kind="fixed")
    assert_array_equal(pipeline.predict(X, kind="fixed"), expected)


def test_weights_are_passed_without_routing_too(data):
    X, y = data
    weights = np.resize([1.0, 2.0, 0.5], 300)
    result = cross_validate(
        BetaGLMMRegressor("x + (1 | g)"),
        X,
        y,
        cv=3,
        params={"sample_weight": weights},
        error_score="raise",
    )
    assert np.isfinite(result["test_score"]).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_do_not_hold_up_processes_that_fork_after_them():
    assert list(Here([1, 2, 3], n_threads=2).map(abs)) == [1, 2, 3]
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=_sum_in_threads, args=(queue,))
    child.start()
    child.join(20)
    child.kill()
    assert child.exitcode == 0
    assert queue.get() == 6


def _sum_in_threads(queue):
    queue.put(Here([1, -2, 3], n_threads=2).map(abs).total())


class Percentages(BetaGLMMRegressor):
    """A subclass that offers fewer parameters."""

    def __init__(self, formula=None, *, groups=None, bounds=(0, 100)):
        super().__init__(formula, groups=groups, bounds=bounds)


def test_subclasses_may_take_fewer_parameters():
    X, y = load_petrol(return_X_y=True)
    model = clone(Percentages("EP", groups="batch")).fit(X, y)
    plain = BetaGLMMRegressor("EP", groups="batch", bounds=(0, 100)).fit(X, y)
    assert model.get_params() == {"formula": "EP", "groups": "batch", "bounds": (0, 100)}
    assert_allclose(model.predict(X), plain.predict(X))
