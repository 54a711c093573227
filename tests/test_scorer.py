"""The log density as a score: pipelines, searches, routing of weights, several processes."""

import pickle
import time
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning, UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skglmm import BetaGLMMRegressor
from skglmm.model_selection import log_density_scorer


def grouped(seed=6, slopes=0.5):
    """Forty groups of twelve rows, whose intercepts and slopes differ."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(40), 12), rng.normal(size=480)
    eta = rng.normal(0, 0.7, 40)[g] + (0.4 + rng.normal(0, slopes, 40)[g]) * x
    y = rng.beta(8 * expit(eta), 8 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    return pd.DataFrame({"x": x, "g": [f"g{i}" for i in g]}), y


@pytest.fixture(scope="module")
def data():
    return grouped()


@pytest.fixture(scope="module")
def model(data):
    X, y = data
    return BetaGLMMRegressor("x + (x | g)").fit(X.iloc[:240], y[:240])


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def pipeline(formula="x + (x | g)"):
    scaled = ColumnTransformer(
        [("scaled", StandardScaler(), ["x"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    return make_pipeline(scaled, BetaGLMMRegressor(formula, inference=False))


# --- the score ------------------------------------------------------------------------------------


@pytest.mark.parametrize("joint", [True, False])
def test_the_score_is_the_mean_log_density(model, data, joint):
    X, y = data[0].iloc[240:], data[1][240:]
    found = log_density_scorer(joint=joint)(model, X, y)
    assert_allclose(found, model.log_density(X, y, joint=joint).mean())


def test_weights_are_those_of_rows_that_come_several_times(model, data):
    X, y = data[0].iloc[240:], data[1][240:]
    weights = np.resize([1.0, 3.0, 0.0], 240)
    rows = np.repeat(np.arange(240), weights.astype(int))
    scorer = log_density_scorer()
    assert_allclose(scorer(model, X, y, weights), scorer(model, X.iloc[rows], y[rows]))
    assert_allclose(scorer(model, X, y, weights.tolist()), scorer(model, X, y, weights))


def test_the_joint_score_chooses_the_structure_of_new_groups(data):
    X, y = data
    grid = {"formula": ["x", "x + (1 | g)", "x + (x | g)"]}
    search = GridSearchCV(
        BetaGLMMRegressor(inference=False), grid, cv=GroupKFold(5), scoring=log_density_scorer()
    ).fit(X, y, groups=X["g"])
    assert search.best_params_ == {"formula": "x + (x | g)"}
    assert np.all(np.diff(search.cv_results_["mean_test_score"]) > 0.05)


# --- what it looks into ---------------------------------------------------------------------------


def test_a_pipeline_is_scored_on_what_its_steps_make_of_the_rows(data):
    X, y = data
    pipe = pipeline().fit(X.iloc[:240], y[:240])
    rows, response = X.iloc[240:], y[240:]
    expected = pipe[-1].log_density(pipe[:-1].transform(rows), response, joint=True).mean()
    scorer = log_density_scorer()
    assert_allclose(scorer(pipe, rows, response), expected)
    assert_allclose(scorer(make_pipeline(pipe), rows, response), expected)
    for frozen in (FrozenEstimator(pipe), FrozenEstimator(make_pipeline(pipe))):
        assert_allclose(scorer(frozen, rows, response), expected)


def test_a_single_step_is_a_pipeline(model, data):
    X, y = data[0].iloc[240:], data[1][240:]
    scorer = log_density_scorer()
    assert scorer(Pipeline([("only", model)]), X, y) == scorer(model, X, y)


def test_a_search_is_scored_by_what_it_found(data):
    X, y = data
    grid = {"betaglmmregressor__formula": ["x", "x + (1 | g)"]}
    scorer = log_density_scorer()
    search = GridSearchCV(pipeline(), grid, cv=2, scoring=scorer).fit(X, y)
    assert scorer(search, X, y) == scorer(search.best_estimator_, X, y)
    inner = GridSearchCV(BetaGLMMRegressor(), {"formula": ["x"]}, cv=2, scoring=scorer)
    nested = Pipeline([*pipeline().steps[:1], ("search", inner)]).fit(X, y)
    transformed = nested[:-1].transform(X)
    assert scorer(nested, X, y) == scorer(nested[-1].best_estimator_, transformed, y)


def test_what_has_no_density_is_refused(data):
    X, y = data
    regressor = TransformedTargetRegressor(BetaGLMMRegressor("x")).fit(X, y)
    with pytest.raises(TypeError, match=r"Pipeline has no log density.*found StandardScaler"):
        log_density_scorer()(make_pipeline(StandardScaler()), X, y)
    with pytest.raises(TypeError, match="TransformedTargetRegressor has no log density"):
        log_density_scorer()(regressor, X, y)


# --- in scikit-learn's tools ----------------------------------------------------------------------


def test_copies_and_text_are_those_of_a_call(model, data):
    scorer = log_density_scorer(joint=False)
    assert repr(scorer) == "log_density_scorer(joint=False)"
    again = pickle.loads(pickle.dumps(scorer))
    assert again(model, *data) == scorer(model, *data)
    search = clone(GridSearchCV(BetaGLMMRegressor(), {}, scoring=scorer))
    assert repr(search.scoring) == repr(scorer)


def test_it_stands_beside_other_scores_and_chooses(data):
    X, y = data
    weights = np.resize([1.0, 2.0], len(X))
    search = GridSearchCV(
        BetaGLMMRegressor(inference=False),
        {"formula": ["x", "x + (1 | g)"]},
        scoring={"density": log_density_scorer(joint=False), "r2": "r2"},
        refit="density",
        cv=KFold(3, shuffle=True, random_state=0),
    ).fit(X, y, sample_weight=weights)
    assert search.best_params_ == {"formula": "x + (1 | g)"}
    assert np.all(np.isfinite(search.cv_results_["mean_test_density"]))


def test_weights_are_routed_to_the_score_that_asked(data, routing):
    X, y = data
    weights = np.resize([1.0, 2.0, 0.5], len(X))
    model = BetaGLMMRegressor("x + (1 | g)", inference=False)
    model.set_fit_request(sample_weight=True)
    params = {"sample_weight": weights, "groups": X["g"].to_numpy()}
    scores = {}
    for wanted in (True, False):
        scorer = log_density_scorer().set_score_request(sample_weight=wanted)
        found = cross_validate(
            model, X, y, cv=GroupKFold(2), scoring=scorer, params=params, return_estimator=True,
            return_indices=True,
        )  # fmt: skip
        scores[wanted] = found["test_score"]
        for k, rows in enumerate(found["indices"]["test"]):
            passed = weights[rows] if wanted else None
            expected = scorer(found["estimator"][k], X.iloc[rows], y[rows], passed)
            assert found["test_score"][k] == expected
    assert np.all(scores[True] != scores[False])


def test_weights_under_another_name_are_found(data, routing):
    X, y = data
    scorer = log_density_scorer().set_score_request(sample_weight="mass")
    model = BetaGLMMRegressor("x", inference=False)
    mass = np.resize([1.0, 2.0, 0.5], len(X))
    found = cross_val_score(model, X, y, cv=2, scoring=scorer, params={"mass": mass})
    assert np.all(found != cross_val_score(model, X, y, cv=2, scoring=log_density_scorer()))


def test_weights_without_a_request_are_an_error(data, routing):
    X, y = data
    model = BetaGLMMRegressor("x").set_fit_request(sample_weight=True)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(
            model, X, y, scoring=log_density_scorer(), params={"sample_weight": np.ones(len(X))}
        )


def test_a_request_without_routing_is_refused():
    with pytest.raises(RuntimeError, match="enable_metadata_routing=True"):
        log_density_scorer().set_score_request(sample_weight=True)


def test_a_structure_that_does_not_converge_warns_and_scores(data):
    X, y = data
    search = GridSearchCV(
        BetaGLMMRegressor("x + (x | g)", inference=False),
        {"max_iter": [1, 200]},
        cv=GroupKFold(2),
        scoring=log_density_scorer(),
    )
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        search.fit(X, y, groups=X["g"])
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] < scores[1]


# --- the dragons ----------------------------------------------------------------------------------

STRUCTURES = [
    None,
    "mountainRange",
    {"mountainRange": "bodyLength"},
    ["mountainRange", "mountainRange:site"],
    {"mountainRange": "bodyLength", "mountainRange:site": "1"},
    {"mountainRange": ["1", "0 + bodyLength"], "mountainRange:site": "1"},
]


def searched(dragons, **options):
    """A grid over six structures in five folds; sites stay together, ranges are shared."""
    search = GridSearchCV(
        BetaGLMMRegressor("bodyLength", bounds=(0, 100), boundary=1e-4, inference=False),
        {"groups": STRUCTURES},
        cv=GroupKFold(5),
        scoring=log_density_scorer(),
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # singular fits, also in other processes
        start = time.process_time()  # of this process alone, however busy the machine is
        search.fit(dragons, dragons["testScore"], groups=dragons["siteUnique"])
        return search.cv_results_["mean_test_score"], time.process_time() - start


@pytest.fixture(scope="module")
def serial(reference_data):
    return searched(reference_data("dragons"), refit=False)


def test_six_structures_of_the_dragons_in_five_folds_take_five_seconds(serial):
    scores, seconds = serial
    assert np.isfinite(scores).all()
    assert scores[0] < scores[1:].min()
    assert seconds < 5.0


@pytest.mark.slow
def test_two_processes_find_the_same_scores(serial, dragons):
    assert_allclose(searched(dragons, refit=False, n_jobs=2)[0], serial[0], rtol=1e-12)


@pytest.mark.slow
def test_workers_of_a_dask_cluster_find_the_same_scores(serial, dragons):
    distributed = pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dask's own
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        )
        with cluster, distributed.Client(cluster), parallel_config(backend="dask"):
            scores = searched(dragons, refit=False)[0]
    assert_allclose(scores, serial[0], rtol=1e-12)
