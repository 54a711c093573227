"""Gradients of clusters, and the covariance that is made of them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import digamma

from skglmm import BetaGLMMRegressor
from skglmm import inference as infer
from skglmm.datasets import load_petrol
from skglmm.design import Term, learn
from skglmm.engine import Params, bind
from skglmm.estimators.reading.study import study_of
from skglmm.families import Beta

FEW = "ignore:.* clusters are few for the sandwich:UserWarning"

# fixed parts and terms; every level of every factor lies within one school
LAYOUTS = {
    "one factor": ({"mean": "1 + x", "precision": "1"}, [Term("1", ("school",))]),
    "no factor": ({"mean": "1 + x", "precision": "1 + x"}, []),
    "slopes": ({"mean": "1 + x", "precision": "1"}, [Term("1 + x", ("school",))]),
    "independent slopes": (
        {"mean": "1 + x", "precision": "1 + z"},
        [Term("1", ("school",)), Term("0 + x", ("school",))],
    ),
    "nested": (
        {"mean": "1 + x", "precision": "1 + x"},
        [Term("1 + x", ("school",)), Term("1", ("school", "room"))],
    ),
    "nested slopes below": (
        {"mean": "1 + z", "precision": "1"},
        [Term("1", ("school",)), Term("1 + x", ("school", "room"))],
    ),
    "crossed within clusters": (
        {"mean": "1 + x", "precision": "1"},
        [Term("1 + x", ("school", "room")), Term("1", ("school", "day")), Term("1", ("school",))],
    ),
}


@pytest.fixture(scope="module")
def schools():
    """9 schools with rooms and days of their own, in an order without meaning."""
    rng = np.random.default_rng(11)
    n = 270
    frame = pd.DataFrame(
        {
            "school": rng.integers(0, 9, n).astype(str),
            "room": rng.integers(0, 4, n).astype(str),
            "day": rng.integers(0, 3, n).astype(str),
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
        }
    )
    y = rng.beta(2, 3, size=n)
    return frame, y, rng.choice([0.5, 1.0, 2.0], n)


def params_of(problem, rng):
    """Some parameters, none of them at a maximum."""
    pieces = [
        *(rng.normal(0, 0.4, size) for size in problem.shape.n_coefficients),
        *(0.5 + rng.random(size) for size in problem.shape.n_theta),
    ]
    n = len(problem.shape.n_coefficients)
    return Params(tuple(pieces[:n]), tuple(pieces[n:])).pack()


@pytest.mark.parametrize("shard_rows", [40, 10_000])
@pytest.mark.parametrize("name", LAYOUTS)
def test_gradients_are_those_of_clusters_that_are_alone(schools, name, shard_rows):
    frame, y, weights = schools
    _, design = learn(frame, *LAYOUTS[name])
    clusters = np.unique(frame["school"], return_inverse=True)[1]
    problem = bind(design, y, weights, Beta(), shard_rows)
    vector = params_of(problem, np.random.default_rng(3))
    whole = problem.evaluate(vector)
    found = problem.cluster_gradients(whole.mode, clusters)
    assert found.shape == (9, problem.shape.n_params)
    # The two searches of the mode stop within 1e-7 of it, and the gradients differ by so much.
    for c, gradient in enumerate(found):
        rows = np.flatnonzero(clusters == c)
        alone = bind(design.take(rows), y[rows], weights[rows], Beta())
        assert_allclose(gradient, alone.evaluate(vector).gradient, rtol=1e-5, atol=1e-5)
    assert_allclose(found.sum(axis=0), whole.gradient, rtol=1e-9, atol=1e-9)


def test_gradients_are_slopes_of_the_likelihood_of_each_cluster(schools):
    frame, y, _ = schools
    _, design = learn(frame, *LAYOUTS["nested"])
    clusters = np.unique(frame["school"], return_inverse=True)[1]
    problem = bind(design, y, None, Beta())
    vector = params_of(problem, np.random.default_rng(5))
    found = problem.cluster_gradients(problem.evaluate(vector).mode, clusters)
    rows = np.flatnonzero(clusters == 4)
    alone = bind(design.take(rows), y[rows], None, Beta())
    for m, step in enumerate(1e-4 * np.eye(len(vector))):
        slope = (alone.evaluate(vector + step).value - alone.evaluate(vector - step).value) / 2e-4
        assert_allclose(found[4, m], slope, rtol=1e-5, atol=1e-5)


# --- clusters ------------------------------------------------------------------------------------


def test_clusters_are_the_uppermost_groups(schools):
    frame, _, _ = schools
    _, design = learn(frame, *LAYOUTS["crossed within clusters"])
    found = infer.independent_clusters(design)
    assert pd.crosstab(found, frame["school"]).gt(0).sum().eq(1).all()
    assert found.max() == 8
    _, design = learn(frame, *LAYOUTS["no factor"])
    assert_array_equal(infer.independent_clusters(design), np.arange(len(frame)))
    _, design = learn(frame, LAYOUTS["nested"][0], [Term("1", ("room",)), Term("1", ("day",))])
    assert infer.independent_clusters(design).max() == 0


def test_chains_of_groups_are_one_cluster():
    frame = pd.DataFrame({"a": list("ppqqrrss"), "b": list("uvvwwxyz")})
    terms = [Term("1", ("a",)), Term("1", ("b",))]
    _, design = learn(frame, {"mean": "1", "precision": "1"}, terms)
    assert_array_equal(infer.independent_clusters(design), [0, 0, 0, 0, 0, 0, 1, 1])


def test_levels_in_several_clusters_are_named():
    frame = pd.DataFrame({"a": list("ppqqrr")})
    _, design = learn(frame, {"mean": "1", "precision": "1"}, [Term("1", ("a",))])
    found = infer.shared_levels(design, np.array([0, 1, 1, 1, 0, 1]))
    assert found == {"a": ["p", "r"]}
    assert infer.shared_levels(design, np.array([0, 0, 1, 1, 0, 0])) == {}


# --- the covariance ------------------------------------------------------------------------------


def test_a_regression_without_groups_has_the_sandwich_of_white():
    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("EP", precision="1 + EP", bounds=(0, 100)).fit(X, y)
    # the score of a row: residuals of its logit and of its log density, by the formulas of the
    # beta distribution with shapes a and b
    x = np.column_stack([np.ones(len(y)), X["EP"]])
    mean = model.predict(X) / 100
    phi = np.exp(x @ model.precision_coef_)
    u, a, b = np.asarray(y) / 100, mean * phi, (1 - mean) * phi
    by_mean = phi * (np.log(u / (1 - u)) - digamma(a) + digamma(b)) * mean * (1 - mean)
    by_phi = phi * (
        mean * (np.log(u) - digamma(a)) + (1 - mean) * (np.log1p(-u) - digamma(b)) + digamma(phi)
    )
    scores = np.hstack([x * by_mean[:, None], x * by_phi[:, None]])
    study = study_of(model, X, y)
    assert_allclose(
        infer.cluster_scores(model.fit_, study, np.arange(len(y))), -scores, rtol=1e-7, atol=1e-7
    )
    bread = model.vcov().to_numpy()
    found = infer.sandwich(model.fit_, study, np.arange(len(y))).covariance
    assert_allclose(found, 32 / 31 * bread @ scores.T @ scores @ bread, rtol=1e-7)
    half = 1.959963984540054 * np.sqrt(found[1, 1])
    interval = model.confint(X, y, method="sandwich").loc["EP"]
    assert_allclose(interval["conf_high"] - interval["estimate"], half, rtol=1e-7)


@pytest.mark.filterwarnings(FEW)
def test_intervals_are_those_of_numerical_gradients_in_the_units_of_the_user():
    X, y = load_petrol(return_X_y=True)
    X = X.assign(shifted=X["EP"] + 1000)  # centered and scaled inside
    model = BetaGLMMRegressor("shifted + (1 | batch)", bounds=(0, 100)).fit(X, y)
    fit, bread = model.fit_, model.fit_.covariance
    unit, design = np.asarray(y) / 100, model._spec.build(X)
    vector = Params(fit.beta, fit.theta).pack()  # with one intercept theta is in no units
    scores = []
    for level in range(10):
        rows = np.flatnonzero(design.codes[0] == level)
        alone = bind(design.take(rows), unit[rows], None, fit.family)
        steps = 1e-2 * np.diag(np.sqrt(np.diag(bread)))  # hundredths of standard errors
        slopes = [
            (alone.evaluate(vector + step).value - alone.evaluate(vector - step).value)
            / (2 * step.sum())
            for step in steps
        ]
        scores.append(slopes)
    meat = np.transpose(scores) @ scores
    expected = np.sqrt(np.diag(10 / 9 * bread @ meat @ bread))
    found = infer.sandwich(fit, study_of(model, X, y), infer.independent_clusters(design))
    found = found.covariance
    # differences leave 1e-4 of the gradients, of which those of the intercept nearly cancel
    assert_allclose(np.sqrt(np.diag(found)), expected, rtol=1e-3)
    robust = model.confint(X, y, method="sandwich")
    log_sd = np.log(robust.loc["sd(Intercept | batch)"])
    reach = 1.959963984540054 * expected[3] / fit.theta[0][0]
    assert_allclose(log_sd["conf_high"] - log_sd["estimate"], reach, rtol=1e-3)
    assert_allclose(log_sd["estimate"] - log_sd["conf_low"], reach, rtol=1e-3)


@pytest.mark.filterwarnings(FEW)
def test_named_clusters_are_those_of_the_groups_and_may_be_larger():
    X, y = load_petrol(return_X_y=True)
    X = X.assign(half=(X["batch"].astype(str) > "E").astype(int))
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    own = model.confint(X, y, method="sandwich")
    named = model.confint(X, y, method="sandwich", cluster="batch")
    pd.testing.assert_frame_equal(own, named)
    half = model.confint(X, y, method="sandwich", cluster="half", parameters="EP")
    scores = infer.cluster_scores(model.fit_, study_of(model, X, y), X["half"].to_numpy())
    spread = model.fit_.covariance @ scores.T
    error = np.sqrt(2 * (spread @ spread.T)[1, 1])
    assert_allclose(half["conf_high"] - half["estimate"], 1.959963984540054 * error)


@pytest.mark.filterwarnings(FEW)
def test_rows_may_come_in_another_order_and_with_rows_of_weight_zero():
    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    expected = model.confint(X, y, method="sandwich")
    order = np.random.default_rng(0).permutation(len(y))
    found = model.confint(X.iloc[order], y.iloc[order], method="sandwich", cluster="batch")
    pd.testing.assert_frame_equal(found, expected, rtol=1e-8)
    longer, more = pd.concat([X.iloc[:5], X]), pd.concat([y.iloc[:5], y])
    weights = np.r_[np.zeros(5), np.ones(len(y))]
    found = model.confint(longer, more, method="sandwich", cluster="batch", sample_weight=weights)
    pd.testing.assert_frame_equal(found, expected)


def test_parameters_on_the_boundary_have_no_interval(schools):
    frame, y, _ = schools
    frame = frame.assign(group=[f"{i % 30:02}" for i in range(len(frame))])
    model = BetaGLMMRegressor("x + (1 | group)")
    with pytest.warns(UserWarning, match="singular"):  # y does not depend on groups
        model.fit(frame, y)
    wald, robust = model.confint(), model.confint(frame, y, method="sandwich")
    pd.testing.assert_frame_equal(wald.isna(), robust.isna())
    assert robust.isna().any(axis=None)
    assert robust.loc["x"].notna().all()
    study = study_of(model, frame, y)
    found = infer.sandwich(model.fit_, study, infer.independent_clusters(study.design))
    assert_array_equal(np.isnan(found.published), np.isnan(model.fit_.covariance))


# --- refusals ------------------------------------------------------------------------------------


def test_crossed_factors_have_no_independent_clusters(schools):
    frame, y, _ = schools
    model = BetaGLMMRegressor("x", groups=["school", "room"], inference=True)
    with pytest.warns(UserWarning, match="singular"):  # y does not depend on groups
        model.fit(frame, y)
    with pytest.raises(ValueError, match=r"all rows share random effects.*'room' and 'school'"):
        model.confint(frame, y, method="sandwich")
    with pytest.raises(ValueError, match=r"4 of the levels of 'room' occur.*first is '0'"):
        model.confint(frame, y, method="sandwich", cluster="school")


def test_wrong_clusters_are_refused():
    X, y = load_petrol(return_X_y=True)
    X = X.assign(one="a", gap=X["batch"].astype(object).where(X["batch"] != "B"))
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    for cluster, message in {
        "batches": "cluster='batches' is no column of X, which has 'batch'",
        "one": "cluster='one' has the single value 'a'",
        "gap": "cluster='gap' has 3 missing values",
        "EP": "levels of 'batch' occur in several clusters of cluster='EP'",
    }.items():
        with pytest.raises(ValueError, match=message):
            model.confint(X, y, method="sandwich", cluster=cluster)
    with pytest.raises(ValueError, match="needs the rows of fit"):
        model.confint(method="sandwich")
    quick = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100), inference=False).fit(X, y)
    with pytest.raises(ValueError, match="inference=False"):
        quick.confint(X, y, method="sandwich")


def test_few_clusters_are_told():
    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    with pytest.warns(UserWarning, match="10 clusters are few for the sandwich") as caught:
        model.confint(X, y, method="sandwich")
    assert caught[0].filename == __file__


# --- what it is for ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sandwich_is_right_where_the_precision_is_not():
    """Rows of large |x| scatter more, and the model does not know it."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(80), 10)
    slopes, wald, robust = [], [], []
    for _ in range(200):
        x = rng.normal(size=len(g))
        mean = 1 / (1 + np.exp(-0.3 - 0.5 * x - rng.normal(0, 0.5, 80)[g]))
        phi = np.exp(4 - 1.2 * np.abs(x))
        y = np.clip(rng.beta(mean * phi, (1 - mean) * phi), 1e-6, 1 - 1e-6)
        X = pd.DataFrame({"x": x, "g": g.astype(str)})
        model = BetaGLMMRegressor("x + (1 | g)").fit(X, y)
        slopes.append(model.coef_[0])
        wald.append(model.fit_.covariance[1, 1])
        study = study_of(model, X, y)
        clusters = infer.independent_clusters(study.design)
        robust.append(infer.sandwich(model.fit_, study, clusters).covariance[1, 1])
    spread = np.std(slopes, ddof=1)  # known to 5 %
    assert_allclose(np.sqrt(np.mean(robust)), spread, rtol=0.12)
    assert np.sqrt(np.mean(wald)) < 0.8 * spread
