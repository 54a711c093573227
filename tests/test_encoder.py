"""Columns of categories become the effects that mixed models have for them."""

import pickle
import re
import warnings
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import skglmm.preprocessing.effects as effects_module
from skglmm import BinomialGLMMClassifier, DesignError, LMMRegressor, PoissonGLMMRegressor
from skglmm.preprocessing import GLMMEncoder

N = 300
UNLIKE = "fit_transform is cross-fitted, and so is not the transform of all rows"
CONSISTENT = ["check_transformer_general", "check_transformer_data_not_an_array"]
CROSS_FITTED = dict.fromkeys(CONSISTENT, UNLIKE)
MODELS = {
    "continuous": LMMRegressor,
    "binary": BinomialGLMMClassifier,
    "count": PoissonGLMMRegressor,
}


def table(seed=0):
    """Texts and whole numbers, crossed, with targets of all types."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 30, N), rng.integers(0, 12, N)
    eta = rng.normal(0, 1, 30)[a] + rng.normal(0, 0.7, 12)[b]
    targets = {
        "continuous": eta + rng.normal(size=N),
        "binary": np.where(rng.random(N) < expit(eta), "yes", "no"),
        "count": rng.poisson(np.exp(eta)),
        "multiclass": np.array(["red", "green", "blue"])[np.digitize(eta, [0.0, 1.0])],
    }
    return pd.DataFrame({"a": np.array([f"k{k:02d}" for k in range(30)])[a], "b": b}), targets


X, TARGETS = table()
Y = TARGETS["continuous"]


def one(values):
    return pd.DataFrame({"a": values})


# --- scikit-learn's checks -----------------------------------------------------------------------


def expected_failures(encoder):
    """Nothing but what cross-fitting is."""
    reproduced = encoder.target_type == "continuous"  # by any fold, in these checks
    return {} if reproduced else CROSS_FITTED


@parametrize_with_checks(
    [GLMMEncoder([0])],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [
        GLMMEncoder(),
        GLMMEncoder(joint=False),
        GLMMEncoder(joint=False, smooth=3.0, return_std=True),
        GLMMEncoder([0], target_type="continuous"),
    ],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.filterwarnings("ignore:.*fits of the encoder:sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_accepts_it_with_many_columns(estimator, check):
    check(estimator)


# --- the effects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_effects_are_those_of_the_mixed_model(kind):
    encoder = GLMMEncoder(target_type=kind).fit(X, TARGETS[kind])
    model = MODELS[kind]("1 + (1 | a) + (1 | b)").fit(X, TARGETS[kind])
    expected = model.random_effects()
    assert_allclose(np.concatenate(encoder.encodings_), expected["mode"], atol=2e-4)
    assert_allclose(np.concatenate(encoder.encodings_std_), expected["std_dev"], atol=2e-4)
    assert_allclose(encoder.effects_std_, [np.sqrt(f @ f.T).item() for f in model.fit_.lambdas],
                    atol=2e-4)  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_each_column_by_itself_has_a_model_of_its_own(kind):
    encoder = GLMMEncoder(target_type=kind, joint=False).fit(X, TARGETS[kind])
    for name, found in zip("ab", encoder.encodings_, strict=True):
        model = MODELS[kind](f"1 + (1 | {name})", inference=False).fit(X, TARGETS[kind])
        assert_allclose(found, model.random_effects()["mode"], atol=1e-4)


def test_what_belongs_to_one_column_is_not_counted_in_another():
    rng = np.random.default_rng(1)
    a = rng.integers(0, 20, 2000)
    b = np.where(rng.random(2000) < 0.8, a, rng.integers(0, 20, 2000))  # mostly as a, no effect
    y = rng.normal(0, 1, 20)[a] + rng.normal(size=2000)
    frame = pd.DataFrame({"a": a, "b": b})
    together = GLMMEncoder().fit(frame, y).effects_std_
    alone = GLMMEncoder(joint=False).fit(frame, y).effects_std_
    assert together[1] < 0.1
    assert alone[1] > 0.5


def test_smooth_is_a_number_of_rows_at_the_average():
    counts, (low, high) = np.array([1, 3, 20]), (2.0, 3.0)
    g = np.repeat([0, 1, 2], counts)
    y = np.tile([low, high], 12)
    encoder = GLMMEncoder(smooth=3.0, target_type="continuous").fit(one(g), y)
    share = counts / (counts + 3.0)
    means = np.bincount(g, y) / counts
    center = np.sum(share * means) / np.sum(share)  # generalized least squares
    assert_allclose(encoder.encodings_[0], share * (means - center), atol=1e-8)
    sd = encoder.effects_std_[0]  # of the residuals: 3 sd^2
    assert_allclose(encoder.encodings_std_[0], sd * np.sqrt(3.0 / (counts + 3.0)))


@pytest.mark.parametrize(("kind", "information"), [("binary", lambda m: m * (1 - m)),
                                                   ("count", lambda m: m)])  # fmt: skip
def test_smooth_is_a_number_of_rows_on_the_scale_of_the_link(kind, information):
    encoder = GLMMEncoder(smooth=5.0, target_type=kind).fit(X, TARGETS[kind])
    row = information(encoder.target_mean_)
    assert_allclose(encoder.effects_std_, 1.0 / np.sqrt(5.0 * row), rtol=1e-3)


def test_a_class_has_the_effects_of_this_class_against_the_others():
    y = TARGETS["multiclass"]
    encoder = GLMMEncoder(["a"], return_std=True).fit(X, y)
    assert encoder.target_type_ == "multiclass"
    assert_array_equal(encoder.classes_, ["blue", "green", "red"])
    names = ["a_blue", "a_blue_std", "a_green", "a_green_std", "a_red", "a_red_std", "b"]
    assert list(encoder.get_feature_names_out()) == names
    green = GLMMEncoder(["a"]).fit(X, y == "green")
    assert_array_equal(encoder.encodings_[1], green.encodings_[0])
    assert_allclose(encoder.transform(X)[:, 2], green.transform(X)[:, 0])
    assert_allclose(encoder.target_mean_.sum(), 1.0)


def test_a_weight_is_the_row_several_times():
    weights = np.random.default_rng(3).integers(0, 3, N)
    weighted = GLMMEncoder().fit(X, Y, weights)
    repeated = GLMMEncoder().fit(X.loc[X.index.repeat(weights)], np.repeat(Y, weights))
    assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-6)
    assert_allclose(weighted.target_mean_, repeated.target_mean_)


# --- cross-fitting -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*MODELS, pytest.param("multiclass", marks=pytest.mark.slow)])
def test_each_fold_is_encoded_by_the_others(kind):
    y, folds = TARGETS[kind], KFold(3)
    encoder = GLMMEncoder(target_type=kind, cv=folds, return_std=True)
    found = encoder.fit_transform(X, y)
    for train, test in folds.split(X):
        part = clone(encoder).fit(X.iloc[train], y[train])
        assert_allclose(found[test], part.transform(X.iloc[test]), atol=1e-12)
    assert_allclose(encoder.transform(X), clone(encoder).fit(X, y).transform(X))


def test_encodings_of_training_rows_know_nothing_of_their_target():
    rng = np.random.default_rng(0)
    frame, y = one(np.arange(1600) // 2), rng.normal(size=1600)
    y += rng.normal(0, 1, 800)[frame["a"]]
    noise = rng.permutation(y)
    encoder = GLMMEncoder(smooth=1.0, target_type="continuous", random_state=0)
    crossed = encoder.fit_transform(frame, noise)[:, 0]
    assert abs(np.corrcoef(crossed, noise)[0, 1]) < 0.075  # three standard errors
    assert np.corrcoef(encoder.transform(frame)[:, 0], noise)[0, 1] > 0.6
    true = encoder.fit_transform(frame, y)[:, 0]
    assert np.corrcoef(true, y)[0, 1] > 0.3


def test_categories_of_one_fold_alone_are_unknown_to_the_others():
    fold = np.arange(N) // 100
    frame = X.assign(a=np.where(fold == 1, "late", X["a"]))
    encoder = GLMMEncoder(cv=PredefinedSplit(fold), return_std=True)
    found = encoder.fit_transform(frame, Y)
    assert_array_equal(found[fold == 1, 0], 0.0)
    assert len(set(found[fold == 1, 1])) == 1  # the standard deviation of all categories
    assert encoder.encodings_[0][-1] != 0.0


def test_groups_reach_the_splitter():
    groups = np.random.default_rng(0).integers(0, 12, N)
    found = GLMMEncoder(cv=GroupKFold(3)).fit_transform(X, Y, groups=groups)
    folds = list(GroupKFold(3).split(X, Y, groups))
    assert_array_equal(found, GLMMEncoder(cv=folds).fit_transform(X, Y))


def test_folds_are_those_of_the_random_state_and_threads_do_not_matter():
    first = GLMMEncoder(random_state=1).fit_transform(X, Y)
    assert_array_equal(first, GLMMEncoder(random_state=1, n_jobs=2).fit_transform(X, Y))
    assert not np.array_equal(first, GLMMEncoder(random_state=2).fit_transform(X, Y))
    plain = GLMMEncoder(shuffle=False, random_state=1).fit_transform(X, Y)
    assert_array_equal(plain, GLMMEncoder(cv=KFold(5)).fit_transform(X, Y))


def test_a_splitter_that_does_not_test_each_row_once_is_refused():
    message = "cv tests 200 of 300 rows not once, the first, row 100, 0 times"
    with pytest.raises(ValueError, match=message):
        GLMMEncoder(cv=[(np.arange(100, 300), np.arange(100))]).fit_transform(X, Y)


# --- categories ----------------------------------------------------------------------------------

CODES = X["b"].to_numpy()
DAYS = pd.Timestamp("2020-01-01") + pd.to_timedelta(CODES, unit="D")
KINDS = {
    "texts": CODES.astype(str),
    "python dates": [date(2020, 1, 1 + k) for k in CODES],
    "times": DAYS,
    "periods": DAYS.to_period("D"),
    "floats": CODES / 4,
    "categories": pd.Categorical([f"k{k:02d}" for k in CODES]),
    "categories of numbers": pd.Categorical(CODES),
    "nullable numbers": pd.array(CODES, dtype="Int64"),
    "nullable texts": pd.array(CODES.astype(str), dtype="string"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_categories_may_be_of_any_type(kind):
    encoder = GLMMEncoder(random_state=0)
    found, expected = encoder.fit_transform(one(KINDS[kind]), Y), one(CODES)
    assert_allclose(found, clone(encoder).fit_transform(expected, Y))
    assert_allclose(
        encoder.transform(one(KINDS[kind])), encoder.fit(expected, Y).transform(expected)
    )
    assert len(encoder.categories_[0]) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_missing_values_are_a_category_of_their_own(kind):
    values = pd.Series(KINDS[kind]).where(CODES != 3)
    encoder = GLMMEncoder(random_state=0)
    assert_allclose(
        encoder.fit_transform(one(values), Y), clone(encoder).fit_transform(one(CODES), Y)
    )
    assert pd.isna(encoder.categories_[0][-1])
    assert encoder.transform(one(values))[np.argmax(CODES == 3), 0] == encoder.encodings_[0][-1]
    known = GLMMEncoder().fit(one(KINDS[kind]), Y)
    assert_array_equal(known.transform(one(values))[CODES == 3], 0.0)


def test_booleans_and_columns_without_values_are_encoded():
    frame = pd.DataFrame({"a": Y > 0, "b": [None if v > 1 else v > 0 for v in Y], "c": None})
    encoder = GLMMEncoder().fit(frame, Y)
    assert [list(each) for each in encoder.categories_] == [
        [False, True], [False, True, None], [None]]  # fmt: skip
    assert encoder.transform(frame[:2]).shape == (2, 3)


def test_unknown_categories_have_no_effect_and_the_standard_deviation_of_all():
    encoder = GLMMEncoder(return_std=True).fit(X, Y)
    found = encoder.transform(pd.DataFrame({"a": ["k99", None], "b": [99, 100]}))
    sd_a, sd_b = encoder.effects_std_
    assert_array_equal(found, [[0.0, sd_a, 0.0, sd_b]] * 2)


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame.to_numpy,
        lambda frame: frame.to_numpy().tolist(),
        lambda frame: frame.astype(str).to_numpy(dtype="U"),
        lambda frame: pl.DataFrame({name: frame[name].to_list() for name in frame}),
    ],
    ids=["objects", "lists", "texts", "polars"],
)
def test_arrays_and_frames_of_polars_are_encoded_alike(make):
    expected = GLMMEncoder(random_state=0).fit_transform(X, Y)
    encoder = GLMMEncoder(random_state=0)
    found = encoder.fit_transform(make(X), Y)
    assert_allclose(found, expected, atol=1e-5)
    assert_allclose(encoder.transform(make(X)), GLMMEncoder().fit(X, Y).transform(X), atol=1e-5)


# --- columns in and out --------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [["b"], "b", [1], -1, make_column_selector("b")])
def test_other_columns_stay_in_their_places(columns):
    frame = X.assign(x=np.arange(N) / 2)
    encoder = GLMMEncoder(columns if columns != -1 else [-2], random_state=0)
    found = encoder.fit_transform(frame, Y)
    assert_array_equal(found[:, [0, 2]], frame[["a", "x"]].to_numpy(dtype=object))
    assert_array_equal(found[:, 1], GLMMEncoder(random_state=0).fit_transform(X[["b"]], Y)[:, 0])
    numbers = GLMMEncoder(["b"]).fit(frame[["b", "x"]], Y).transform(frame[["b", "x"]])
    assert numbers.dtype == np.float64
    assert_array_equal(GLMMEncoder([]).fit_transform(X, Y), X)


@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize("make", [pd.DataFrame, lambda f: pl.DataFrame(f.to_dict("list"))])
def test_frames_come_out_where_they_are_asked_for(container, make):
    frame = X.assign(x=np.arange(N), late=Y > 0).set_index(np.arange(N) + 7)
    encoder = GLMMEncoder(["b"], return_std=True).set_output(transform=container)
    found = encoder.fit_transform(make(frame), Y)
    assert type(found).__module__.split(".")[0] == container
    assert list(found.columns) == ["a", "b", "b_std", "x", "late"]
    assert list(found["a"]) == list(frame["a"])
    assert str(found["x"].dtype).lower() == "int64"
    assert str(found["late"].dtype).lower().startswith("bool")
    if container == "pandas" and make is pd.DataFrame:
        assert_array_equal(found.index, frame.index)
    assert list(encoder.set_output(transform="default").transform(make(frame))[0][[0, 3]]) == [
        frame["a"].iloc[0], 0]  # fmt: skip


def test_names_of_arrays_are_numbered_or_given():
    encoder = GLMMEncoder([1], return_std=True).fit(X.to_numpy(), Y)
    assert list(encoder.get_feature_names_out()) == ["x0", "x1", "x1_std"]
    assert list(encoder.get_feature_names_out(["u", "v"])) == ["u", "v", "v_std"]


# --- targets -------------------------------------------------------------------------------------

LOOKS = [
    (Y, "continuous"),
    (Y > 0, "binary"),
    (np.where(Y > 0, 2.0, 1.0), "binary"),
    (pd.Series(TARGETS["binary"], dtype="category"), "binary"),
    (TARGETS["multiclass"], "multiclass"),
    (np.clip(TARGETS["count"], 0, 5), "multiclass"),
    ([str(k) for k in range(50)] * 6, "multiclass"),
    (np.zeros(N), "binary"),
]


@pytest.mark.parametrize(("y", "expected"), LOOKS)
def test_the_type_of_a_target_is_that_of_its_values(y, expected):
    frame = one(np.zeros(N, dtype=int))  # nothing is fitted
    encoder = GLMMEncoder().fit(frame, y)
    assert encoder.target_type_ == expected
    assert (encoder.classes_ is None) == (expected == "continuous")


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("auto", np.arange(N), "y holds 300 different whole numbers, .* say target_type='count'"),
        ("count", -TARGETS["count"] - 1.0, "300 of 300 responses are none, such as -"),
        ("count", Y, "takes whole numbers from 0 on"),
        ("binary", TARGETS["multiclass"], "y has 3 classes, 'blue', .* target_type='multiclass'"),
        ("binary", Y, "Unknown label type: continuous"),
        ("continuous", TARGETS["binary"], "could not convert string to float"),
        ("auto", None, "requires y to be passed, but the target y is None"),
        ("auto", np.where(Y > 0, Y, np.nan), "Input y contains NaN"),
        ("auto", np.column_stack([Y, Y]), "y should be a 1d array"),
        ("auto", Y[:-1], "inconsistent numbers of samples"),
        ("counts", Y, "target_type='counts' is unknown, .* did you mean 'count'"),
    ],
)
def test_what_is_no_target_is_refused(kind, y, message):
    with pytest.raises(ValueError, match=message):
        GLMMEncoder(target_type=kind).fit(X, y)


# --- where there is nothing to learn -------------------------------------------------------------

NOTHING = {
    "one category": (one(["k"] * N), Y, "auto"),
    "each row its own": (one(np.arange(N)), Y, "auto"),
    "each row its own, two classes": (one(np.arange(N)), TARGETS["binary"], "auto"),
    "equal responses": (X, np.full(N, 2.5), "auto"),
    "one class": (X, ["yes"] * N, "auto"),
    "no counts": (X, np.zeros(N), "count"),
    "no variance": (one(np.arange(N) % 2), np.repeat(Y[: N // 2], 2), "auto"),
    "no variance, two classes": (one(np.arange(N) // 2), np.arange(N) % 2 == 0, "auto"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_effects_are_zero_and_nothing_is_said_where_nothing_is_to_be_learned(name):
    frame, y, kind = NOTHING[name]
    encoder = GLMMEncoder(target_type=kind, return_std=True, random_state=0)
    found = encoder.fit_transform(frame, y)
    assert_array_equal(encoder.transform(frame), 0.0)
    assert_array_equal(found, 0.0)
    assert_array_equal(encoder.effects_std_, 0.0)


@pytest.mark.parametrize("y", [CODES / 3, CODES > 5, CODES], ids=["numbers", "classes", "counts"])
def test_a_target_that_categories_determine_has_finite_effects(y):
    kind = "count" if y is CODES else "auto"
    encoder = GLMMEncoder(target_type=kind, random_state=0)
    found = encoder.fit_transform(one(CODES), y)
    assert np.isfinite(found).all()
    assert np.corrcoef(found[:, 0], y)[0, 1] > 0.8


def test_a_column_twice_shares_its_effect():
    once = GLMMEncoder().fit(X[["a"]], Y).encodings_[0]
    twice = GLMMEncoder().fit(X[["a"]].assign(again=X["a"]), Y).encodings_
    assert_allclose(twice[0] + twice[1], once, atol=1e-3)


def test_fits_that_do_not_converge_are_told_of_once(monkeypatch):
    original = effects_module.estimate_effects

    def stopped(*args):
        return original(*args)._replace(converged=False)

    monkeypatch.setattr("skglmm.preprocessing.encoder.estimate_effects", stopped)
    with pytest.warns(ConvergenceWarning, match="6 of 6 fits of the encoder") as caught:
        GLMMEncoder().fit_transform(X, Y)
    assert [each.filename for each in caught] == [__file__]


# --- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"columns": ["aa"]}, "columns has the unknown name 'aa'; did you mean 'a'?"),
        ({"columns": [2]}, "columns has the position 2, but X has 2 columns"),
        ({"columns": ["a", 0]}, "columns has 'a' several times"),
        ({"columns": [1.5]}, "columns has 1.5, expected names of columns or their positions"),
        ({"smooth": 0}, "smooth=0 must be 'auto' or a number of rows above 0"),
        ({"smooth": "EB"}, "smooth='EB' must be 'auto'"),
        ({"joint": "yes"}, "joint='yes' must be True or False"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises((ValueError, TypeError), match=re.escape(message)):
        GLMMEncoder(**parameters).fit(X, Y)


def test_names_need_columns_that_have_some():
    with pytest.raises(ValueError, match="the columns of X have none; give positions"):
        GLMMEncoder(["a"]).fit(X.to_numpy(), Y)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "a"] * (N // 2), "column 'a' holds mixed values"),
        (np.where(CODES == 3, np.inf, CODES), "column 'a' holds infinity in"),
        (CODES * 1j, "Complex data not supported"),
        ([[]] * N, "holds a list in row 0"),
    ],
)
def test_what_are_no_categories_is_refused(values, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GLMMEncoder().fit(one(values), Y)


def test_a_column_that_changes_its_type_is_refused():
    with pytest.raises(DesignError, match="column 'a' was text in fit and is number now"):
        GLMMEncoder().fit(X, Y).transform(X.assign(a=1))


def test_crossed_columns_of_too_many_categories_are_told_what_to_do(monkeypatch):
    monkeypatch.setattr("skglmm.engine.binding.fits", lambda n_crossed: n_crossed <= 10)
    with pytest.raises(
        DesignError, match=r"\(a \(30 .*, b \(12 .*a model to each col.* joint=False"
    ):
        GLMMEncoder(solver="direct").fit(X, Y)
    GLMMEncoder(joint=False).fit(X, Y)


def test_transform_needs_a_fit_and_the_columns_of_it():
    with pytest.raises(NotFittedError):
        GLMMEncoder().transform(X)
    with pytest.raises(ValueError, match="feature names"):
        GLMMEncoder().fit(X, Y).transform(X[["b", "a"]])


# --- with scikit-learn ---------------------------------------------------------------------------


def test_it_works_in_pipelines_searches_and_copies():
    encode = make_column_transformer((GLMMEncoder(random_state=0), ["a", "b"]))
    boosting = make_pipeline(encode, HistGradientBoostingRegressor(max_iter=20))
    assert cross_val_score(boosting, X, Y, cv=2).mean() > 0.15
    pipeline = make_pipeline(GLMMEncoder(random_state=0), Ridge())
    search = GridSearchCV(pipeline, {"glmmencoder__joint": [True, False]}, cv=2).fit(X, Y)
    assert search.best_score_ > 0.3
    copied = pickle.loads(pickle.dumps(search.best_estimator_))
    assert_array_equal(copied.predict(X), search.predict(X))
    assert list(copied[:-1].get_feature_names_out()) == ["a", "b"]


def test_probabilities_behind_it_are_better_than_without():
    pipeline = make_pipeline(GLMMEncoder(random_state=0), LogisticRegression())
    y = TARGETS["binary"]
    found = cross_val_predict(pipeline, X, y, cv=5, method="predict_proba")[:, 1]
    event = y == "yes"
    loss = -np.mean(np.log(np.where(event, found, 1 - found)))
    share = event.mean()
    assert loss < -(share * np.log(share) + (1 - share) * np.log(1 - share)) - 0.03


def test_parameters_of_a_pipeline_reach_it():
    groups = np.arange(N) % 10
    pipeline = make_pipeline(GLMMEncoder(cv=GroupKFold(2)), Ridge())
    pipeline.fit(X, Y, glmmencoder__groups=groups)
    direct = GLMMEncoder(cv=GroupKFold(2)).fit_transform(X, Y, groups=groups)
    assert_allclose(pipeline[-1].coef_, Ridge().fit(direct, Y).coef_)


@pytest.mark.slow
def test_a_million_rows_of_a_hundred_thousand_categories_take_seconds():
    rng = np.random.default_rng(0)
    g = rng.integers(0, 100_000, 1_000_000)
    y = rng.normal(size=100_000)[g] + rng.normal(size=len(g))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = GLMMEncoder(random_state=0).fit_transform(one(g), y)
    assert 0.6 < np.corrcoef(found[:, 0], y)[0, 1] < 0.72
