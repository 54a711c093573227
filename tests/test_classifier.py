"""Classifiers with random effects in scikit-learn's tools, with labels of any type."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsRestClassifier

from skglmm import BinomialGLMMClassifier
from skglmm.model_selection import compare

FORMULA = "x + (1 | g)"
pytestmark = pytest.mark.filterwarnings("ignore:.*:skglmm.SingularFitWarning")


def simulated(n_groups=25, n=12):
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(n_groups), n)
    X = pd.DataFrame({"x": rng.normal(size=n_groups * n), "g": g})
    eta = 0.3 + X["x"].to_numpy() + rng.normal(0, 0.8, n_groups)[g]
    return X, (rng.random(len(X)) < expit(eta)).astype(int)


LABELS = {
    "numbers": lambda y: y,
    "texts": lambda y: np.array(["healthy", "sick"])[y],
    "booleans": lambda y: y == 1,
    "numbers with a gap": lambda y: np.array([-3.0, 7.0])[y],
    "objects": lambda y: np.array(["a", "b"], dtype=object)[y],
    "a categorical series": lambda y: pd.Series(pd.Categorical.from_codes(y, ["no", "yes"])),
    "booleans as objects": lambda y: (y == 1).astype(object),
    "nullable booleans": lambda y: pd.Series(y == 1).astype("boolean"),
    "nullable integers": lambda y: pd.Series(y).astype("Int64"),
    "a list": lambda y: ["yes" if each else "no" for each in y],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_type_come_back(kind):
    X, y = simulated()
    labels = LABELS[kind](y)
    model = BinomialGLMMClassifier(FORMULA).fit(X, labels)
    plain = BinomialGLMMClassifier(FORMULA).fit(X, y)
    assert_array_equal(model.classes_, sorted(set(labels)))
    assert_allclose(model.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(model.predict(X), np.asarray(model.classes_)[plain.predict(X)])
    assert set(np.unique(model.sample_y(X, random_state=0))) == set(model.classes_)
    assert_allclose(model.log_density(X, labels), plain.log_density(X, y))


def test_probabilities_and_decisions_are_those_of_the_predictor():
    X, y = simulated()
    model = BinomialGLMMClassifier(FORMULA).fit(X, y)
    assert is_classifier(model)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0)
    assert_allclose(proba[:, 1], expit(model.predict_linear(X)))
    assert_allclose(np.exp(model.predict_log_proba(X)), proba)
    assert_allclose(model.decision_function(X), model.predict_linear(X))
    assert model.score(X, y) == np.mean(model.predict(X) == y)


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "loglog", "cauchit"])
def test_decisions_are_positive_where_the_second_class_is_the_more_probable_one(link):
    X, y = simulated()
    model = BinomialGLMMClassifier(FORMULA, link=link).fit(X, y)
    assert_array_equal(model.decision_function(X) > 0, model.predict(X) == 1)


def test_new_groups_are_averaged_over():
    X, y = simulated()
    model = BinomialGLMMClassifier(FORMULA).fit(X, y)
    new = X.head(1).assign(g=999)
    shown = model.predict_proba(new)[0, 1]
    sd = model.variance_components()["sd"].item()
    draws = expit(model.predict_linear(new) + sd * np.random.default_rng(0).normal(size=200_000))
    assert_allclose(shown, draws.mean(), atol=2e-3)


@pytest.mark.parametrize(
    "tool",
    [
        lambda m: CalibratedClassifierCV(m, cv=3),
        lambda m: TunedThresholdClassifierCV(m, cv=3),
        lambda m: VotingClassifier([("a", m), ("b", LogisticRegression())], voting="soft"),
        OneVsRestClassifier,
    ],
)
def test_tools_that_ask_for_probabilities_take_it(tool):
    X, y = simulated()
    X = X[["x"]]  # of which all of them make sense
    found = tool(BinomialGLMMClassifier()).fit(X, LABELS["texts"](y))
    assert np.mean(found.predict(X) == LABELS["texts"](y)) > 0.6


def test_several_classes_are_taken_one_against_the_others():
    X, y = simulated()
    labels = np.array(["a", "b", "c"])[y + (X["x"] > 1)]
    found = OneVsRestClassifier(BinomialGLMMClassifier(FORMULA)).fit(X, labels)
    assert_array_equal(found.classes_, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"Only binary.*3 classes.*OneVsRestClassifier"):
        BinomialGLMMClassifier(FORMULA).fit(X, labels)


def test_held_out_probabilities_and_searches_over_structures():
    X, y = simulated()
    labels, cv = LABELS["texts"](y), StratifiedGroupKFold(3)
    model = BinomialGLMMClassifier(FORMULA)
    proba = cross_val_predict(model, X, labels, cv=3, method="predict_proba")
    assert_allclose(proba.sum(axis=1), 1.0)
    assert np.mean((proba[:, 1] > 0.5) == y) > 0.6
    search = GridSearchCV(model, {"formula": ["1", FORMULA]}, scoring="neg_log_loss", cv=3)
    assert search.fit(X, labels).best_params_ == {"formula": FORMULA}
    scores = cross_val_score(model, X, labels, groups=X["g"], cv=cv, scoring="roc_auc")
    assert scores.min() > 0.6


def test_curves_of_scikit_learn_are_drawn():
    import matplotlib.pyplot as plt  # noqa: PLC0415

    X, y = simulated()
    labels = LABELS["texts"](y)
    display = RocCurveDisplay.from_estimator(
        BinomialGLMMClassifier(FORMULA).fit(X, labels), X, labels
    )
    plt.close("all")
    assert display.roc_auc > 0.7


def test_the_event_is_the_second_label():
    X, y = simulated()
    up, down = (BinomialGLMMClassifier(FORMULA).fit(X, each) for each in (y, 1 - y))
    assert_allclose(up.coef_, -down.coef_, rtol=1e-6)
    assert "the class 1 against 0" in str(up.summary())


def test_one_class_is_refused_with_the_way_out():
    X, _ = simulated()
    with pytest.raises(ValueError, match=r"two classes.*'yes'.*Stratified"):
        BinomialGLMMClassifier(FORMULA).fit(X, ["yes"] * len(X))


def test_labels_that_fit_has_not_seen_have_no_density():
    X, y = simulated()
    model = BinomialGLMMClassifier(FORMULA).fit(X, LABELS["texts"](y))
    with pytest.raises(ValueError, match=r"class that fit has not seen, such as 'dead'"):
        model.log_density(X.head(1), ["dead"])


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_labels_are_refused(missing):
    X, y = simulated()
    labels = pd.Series(LABELS["texts"](y), dtype=object)
    labels[4] = missing
    with pytest.raises(ValueError, match=r"1 of 300 labels are missing, the first at position 4"):
        BinomialGLMMClassifier(FORMULA).fit(X, labels)


def test_numbers_that_are_no_labels_are_refused():
    X, y = simulated()
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        BinomialGLMMClassifier(FORMULA).fit(X, y + 0.5 * X["x"])


def test_rows_without_probabilities_have_the_first_label_and_a_warning():
    X, y = simulated()
    model = BinomialGLMMClassifier(FORMULA, new_groups="nan").fit(X, LABELS["texts"](y))
    new = X.head(2).assign(g=[0, 999], x=3.0)
    assert np.isnan(model.predict_proba(new)).any(axis=1).tolist() == [False, True]
    with pytest.warns(UserWarning, match=r"1 of 2 rows have no most probable class.*'healthy'"):
        assert model.predict(new).tolist() == ["sick", "healthy"]


def test_models_of_other_classes_are_not_compared():
    X, y = simulated()
    one, other = (
        BinomialGLMMClassifier(FORMULA).fit(X, LABELS[kind](y)) for kind in ("texts", "booleans")
    )
    with pytest.raises(ValueError, match="their classes differ"):
        compare(one, other)


def test_weights_count_rows():
    X, y = simulated(n=6)
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), weights)
    weighted = BinomialGLMMClassifier(FORMULA).fit(X, y, weights)
    repeated = BinomialGLMMClassifier(FORMULA).fit(X.iloc[rows], y[rows])
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-9)
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-5)


def test_clones_know_nothing():
    X, y = simulated()
    model = clone(BinomialGLMMClassifier(FORMULA).fit(X, y))
    assert not hasattr(model, "classes_")


def test_labels_of_several_types_are_refused():
    X, y = simulated()
    labels = np.array(["a", 1], dtype=object)[y]
    with pytest.raises(ValueError, match=r"labels are of the types int, str, .*y.astype\(str\)"):
        BinomialGLMMClassifier("x").fit(X, labels)


# --- classes that are constant within groups ------------------------------------------------------


def constant_within(n_groups=30, n_rows=5):
    rng = np.random.default_rng(3)
    g = np.arange(n_groups * n_rows) // n_rows
    X = pd.DataFrame({"x": rng.normal(size=len(g)), "g": g, "h": g % 6})
    return X, (rng.random(n_groups) < 0.5)[g]


def test_a_class_constant_within_groups_is_told_by_fit_and_diagnose():
    X, y = constant_within()
    model = BinomialGLMMClassifier("x + (1 | g)")
    with pytest.warns(UserWarning, match="in each of the 30 levels of 'g' that have several rows"):
        model.fit(X, y)
    (found,) = [each for each in model.diagnose(X, y).findings if each.kind == "constant levels"]
    assert found.severity == "warning"
    assert found.subject == "g"


def test_a_prior_keeps_their_standard_deviation_finite():
    X, y = constant_within()
    model = BinomialGLMMClassifier("x + (1 | g)", priors="weak", n_quadrature=11).fit(X, y)
    assert model.converged_
    assert "constant levels" not in {each.kind for each in model.diagnose(X, y).findings}


def test_one_group_with_both_classes_is_enough():
    X, y = constant_within()
    y[0] = ~y[1]
    model = BinomialGLMMClassifier("x + (1 | g) + (1 | h)").fit(X, y)
    assert "constant levels" not in {each.kind for each in model.diagnose(X, y).findings}


def test_levels_of_one_row_are_another_matter():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"g": np.arange(60)})
    y, model = rng.random(60) < 0.4, BinomialGLMMClassifier("1 + (1 | g)")
    with pytest.warns(UserWarning, match="every row is a level of 'g' of its own"):
        model.fit(X, y)
    assert "constant levels" not in {each.kind for each in model.diagnose(X, y).findings}


# --- accuracy -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told():
    rng = np.random.default_rng(7)
    X = pd.DataFrame({"x": rng.normal(size=200), "g": np.arange(200) // 10})
    y = rng.random(200) < expit(X["x"] + rng.normal(size=20)[X["g"]])
    return X, y.to_numpy()


@pytest.mark.parametrize("of", ["bool", "object", "boolean", "category"])
def test_accuracy_knows_labels_of_any_type(told, of):
    X, y = told
    labels = pd.Series(y, dtype=of)
    model = BinomialGLMMClassifier("x + (1 | g)").fit(X, labels)
    assert model.score(X, labels) == np.mean(model.predict(X) == y)


def test_rows_of_an_unseen_class_are_missed(told):
    X, y = told
    labels = np.where(y, "yes", "no")
    model = BinomialGLMMClassifier("x + (1 | g)").fit(X, labels)
    unseen = np.where(np.arange(200) < 50, "maybe", labels)
    hits = model.predict(X) == labels
    assert_allclose(model.score(X, unseen), np.mean(hits & (np.arange(200) >= 50)))
    weights = np.arange(200.0)
    assert_allclose(model.score(X, labels, weights), np.average(hits, weights=weights))


@pytest.mark.parametrize("other", [True, 1.0, "maybe"])
def test_labels_of_which_none_is_known_are_refused(told, other):
    X, y = told
    model = BinomialGLMMClassifier("x").fit(X, np.where(y, "yes", "no"))
    with pytest.raises(ValueError, match="no label of y is a class of fit"):
        model.score(X, np.full(200, other))


def test_weights_of_classes_are_refused_with_what_to_do_instead():
    with pytest.raises(TypeError, match="move the threshold"):
        BinomialGLMMClassifier(class_weight="balanced")
