"""Means averaged over groups, rows and cells, of every kind of response."""

import pickle
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.polynomial.hermite_e import hermegauss
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from test_every_method import MODELS, RELATED, simulated

from skglmm import (
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    GammaGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inference.parameters.curves import curve_estimate
from skglmm.inspection import comparisons, marginal_means, poststratify, reference_grid, slopes
from skglmm.inspection.data.marginaleffects import _moved


@cache
def rows():
    rng = np.random.default_rng(21)
    n, g = 240, np.repeat(np.arange(24), 10)
    t, s = np.resize(["a", "b", "c"], n), rng.choice(["f", "m"], n)
    x, effect = rng.normal(1.0, 2.0, n), rng.normal(0.0, 1.0, 24)[g]
    eta = -0.4 + 0.7 * (t == "b") - 0.4 * (s == "m") + 0.2 * x + effect
    frame = pd.DataFrame({"t": t, "s": s, "x": x, "g": g, "n": rng.integers(1, 6, n)})
    return frame.assign(
        yes=(rng.random(n) < expit(eta)).astype(int),
        count=(1 + rng.poisson(np.exp(0.5 * eta))) * (rng.random(n) < expit(1.0 - effect)),
        positive=rng.gamma(3.0, np.exp(eta)),
        real=eta + rng.normal(size=n),
        successes=rng.binomial(frame["n"], expit(eta)),
        rating=np.digitize(eta + rng.logistic(size=n), [-0.5, 1.0]) + 1,
    )


@cache
def binary():
    return BinomialGLMMClassifier("t * s + x + (1 | g)").fit(rows(), rows()["yes"])


@cache
def hurdle():
    model = PoissonGLMMRegressor("t + x + (1 | g)", zero="s + (1 | g)", zero_kind="hurdle")
    return model.fit(rows(), rows()["count"])


@cache
def linear():
    return LMMRegressor("t * s + x + (1 | g)").fit(rows(), rows()["real"])


def test_marginal_means_are_averages_over_simulated_groups():
    model = binary()
    means = marginal_means(model, rows(), "t", kind="marginal")
    grid = reference_grid(model, rows(), by="t")
    sd = float(model.fit_.lambdas[0][0, 0])
    effects = np.random.default_rng(0).normal(0.0, sd, 400_000)
    eta = model.predict_linear(grid, kind="fixed")
    brute = np.array([expit(value + effects).mean() for value in eta]).reshape(3, 2).mean(axis=1)
    assert_allclose(means.estimate, brute, atol=2e-3)
    z, w = hermegauss(80)
    exact = (expit(eta[:, None] + sd * z) @ w / w.sum()).reshape(3, 2).mean(axis=1)
    assert_allclose(means.estimate, exact, rtol=1e-7)


def moved_means(model, kind):
    """Means of a grid as a function of all parameters, by prediction."""
    fit, grid = model.fit_, reference_grid(model, rows(), by="t", kind=kind)
    params = np.concatenate([*fit.beta, *fit.theta])

    def means(values):
        try:
            model.fit_ = _moved(fit, values)
            is_class = hasattr(model, "classes_")
            found = model.predict_proba(grid)[:, 1] if is_class else model.predict(grid)
        finally:
            model.fit_ = fit
        return pd.Series(np.asarray(found)).groupby(grid["t"]).mean().to_numpy()

    return params, means


@pytest.mark.parametrize("make", [binary, hurdle])
def test_standard_errors_are_those_of_differences_in_all_parameters(make):
    model = make()
    params, means = moved_means(model.set_params(predict_kind="marginal"), "marginal")
    step, eye = 1e-4, np.eye(len(params))
    slopes_ = [(means(params + step * e) - means(params - step * e)) / (2 * step) for e in eye]
    gradient = np.transpose(slopes_)
    error = np.sqrt(np.diag(gradient @ model.fit_.uncertainty.covariance @ gradient.T))
    model.set_params(predict_kind="conditional")
    found = marginal_means(model, rows(), "t", kind="marginal")
    assert_allclose(found.std_error, error, rtol=1e-5)
    low, high = found.limits
    assert np.all((low > 0.0) & (low < found.estimate) & (found.estimate < high))


@pytest.mark.parametrize("kind", ["fixed", "marginal"])
def test_methods_that_count_groups_have_degrees_of_freedom_for_all_kinds(kind):
    normal = marginal_means(binary(), rows(), "t", kind=kind)
    found = marginal_means(binary(), rows(), "t", kind=kind, df="between-within")
    assert np.isinf(normal.df).all()
    assert found.df.tolist() == [23.0] * 3  # of 24 groups
    assert np.all(found.limits[1] > normal.limits[1])


def test_odds_ratios_and_differences_of_probabilities():
    means = marginal_means(binary(), rows(), "t")
    ratios, apart = means.contrasts(adjust="none"), means.contrasts(regrid=True, adjust="none")
    logits = marginal_means(binary(), rows(), "t", scale="link")
    assert_allclose(ratios.estimate[0], np.exp(logits.estimate[0] - logits.estimate[1]))
    assert_allclose(apart.estimate[0], means.estimate[0] - means.estimate[1])
    assert "Odds ratios" in str(ratios)
    assert "ratio" in ratios.to_frame()
    assert_allclose(means.estimate, expit(logits.estimate))


def test_means_of_counts_with_extra_zeros_are_means_of_y():
    model = hurdle()
    means = marginal_means(model, rows(), "t")
    grid = reference_grid(model, rows(), by="t")
    mean = model.predict_frame(grid, kind="fixed")
    assert_allclose(means.estimate, mean["mean"].groupby(grid["t"]).mean())
    one = grid.head(1)
    alone = marginal_means(model, grid=one, by="t")
    assert_allclose(alone.std_error, mean["mean_se"].head(1), rtol=1e-5)
    low, high = alone.limits
    assert_allclose(low, mean["mean_ci_lower"].head(1), rtol=1e-4)
    assert_allclose(high, mean["mean_ci_upper"].head(1), rtol=1e-4)
    link = marginal_means(model, rows(), "t", scale="link")
    own = model.predict_linear(grid, "mean", kind="fixed")
    assert_allclose(link.estimate, own.reshape(3, 2).mean(axis=1))


def test_means_of_successes_are_probabilities():
    model = BinomialGLMMRegressor("t + x + (1 | g)", trials="n").fit(rows(), rows()["successes"])
    grid = reference_grid(model, rows(), by="t")
    for kind in ("fixed", "marginal"):
        means = marginal_means(model, rows(), "t", kind=kind)
        assert_allclose(means.estimate, model.predict_rate(grid, kind=kind), rtol=1e-10)


def test_probabilities_of_classes_have_a_column_of_the_class():
    model = OrdinalGLMMClassifier("t + x + (1 | g)").fit(rows(), rows()["rating"])
    for kind in ("fixed", "marginal"):
        means = marginal_means(model, rows(), "t", kind=kind).to_frame()
        grid = reference_grid(model, rows(), by="t")
        expected = model.set_params(predict_kind=kind).predict_proba(grid)
        assert_allclose(means["estimate"].to_numpy().reshape(3, 3), expected, rtol=1e-8)
    assert means["class"].tolist() == ["1", "2", "3"] * 3
    apart = marginal_means(model, rows(), "t").contrasts()
    assert_allclose(apart.estimate.reshape(3, 3).sum(axis=0), 0.0, atol=1e-12)
    link = marginal_means(model, rows(), "t", scale="link").contrasts(adjust="none")
    coefficient = model.fit_.beta[model.fit_.family.location][0]
    assert_allclose(link.estimate[0], -coefficient)
    with pytest.raises(ValueError, match="classes have none"):
        marginal_means(model, rows(), "t", scale="link", kind="marginal")


def test_classes_without_an_order_have_probabilities_and_no_link():
    model = MultinomialGLMMClassifier("t").fit(rows(), rows()["rating"])
    means = marginal_means(model, rows(), "t")
    grid = reference_grid(model, rows(), by="t")
    assert_allclose(means.estimate.reshape(3, 3), model.predict_proba(grid), rtol=1e-8)
    with pytest.raises(ValueError, match="one linear predictor"):
        marginal_means(model, rows(), "t", scale="link")


@cache
def curved():
    return GammaGLMMRegressor("t + s(x, k=6) + (1 | g)").fit(rows(), rows()["positive"])


def test_curves_belong_to_means_with_their_uncertainty():
    model = curved()
    means = marginal_means(model, rows(), ["x"], at={"x": [0.0, 2.0], "t": "b"}, scale="link")
    grid = reference_grid(model, rows(), by="x", at={"x": [0.0, 2.0], "t": "b"})
    value, error = model.predict_linear(grid, kind="fixed", return_std=True)
    assert_allclose(means.estimate, value)
    assert_allclose(means.std_error, error)
    averages = marginal_means(model, grid=grid, by="x", kind="marginal")
    expected = model.predict_frame(grid, kind="marginal")
    assert_allclose(averages.estimate, expected["mean"])
    assert_allclose(averages.std_error, expected["mean_se"])


def test_a_difference_along_a_curve_has_the_covariance_of_the_curve():
    model = curved()
    means = marginal_means(model, rows(), ["x"], at={"x": [0.0, 2.0], "t": "b"}, scale="link")
    curve = curve_estimate(model.fit_, model.fit_.layout.curves[0])
    columns = curve.curve.columns(np.array([[0.0], [2.0]]))
    apart = columns[0] - columns[1]
    found = means.contrasts()
    assert_allclose(found.estimate, apart @ curve.coefficients)
    assert_allclose(found.std_error, np.sqrt(apart @ curve.covariance @ apart))


@pytest.mark.parametrize("scale", ["link", "response"])
def test_slopes_are_derivatives_of_what_is_averaged(scale):
    found = slopes(curved(), rows(), of="x", by="t", at={"x": 0.7}, scale=scale)
    step = 1e-4
    ends = [
        marginal_means(curved(), rows(), "t", at={"x": 0.7 + s * step}, scale=scale).estimate
        for s in (1.0, -1.0)
    ]
    assert_allclose(found.estimate, (ends[0] - ends[1]) / (2.0 * step), rtol=1e-5)
    assert "x" not in found.names


def test_comparisons_are_differences_of_average_predictions():
    model = binary()
    found = comparisons(model, rows(), of="t", by="s", kind="marginal")
    model.set_params(predict_kind="marginal")
    means = {t: model.predict_proba(rows().assign(t=t))[:, 1] for t in "abc"}
    model.set_params(predict_kind="conditional")
    apart = pd.Series(means["b"] - means["a"]).groupby(rows()["s"]).mean()
    frame = found.to_frame()
    assert frame["contrast"].tolist() == ["b - a", "c - a"] * 2
    assert_allclose(frame["estimate"].to_numpy()[[0, 2]], apart, rtol=1e-9)
    ratio = comparisons(model, rows(), of="t", ratio=True).to_frame()
    assert_allclose(ratio["ratio"][0], means["b"].mean() / means["a"].mean(), rtol=1e-9)


def test_comparisons_of_numbers_are_with_one_more():
    found = comparisons(linear(), rows(), of="x")
    assert_allclose(found.estimate, linear().coef_[linear().coef_names_.index("x")])
    assert found.to_frame()["contrast"].tolist() == ["x + 1 - x"]
    assert np.isfinite(found.df).all()  # a linear mixed model


def test_comparisons_of_a_linear_model_are_contrasts_of_its_means():
    found = comparisons(linear(), rows(), of="t", at={"s": "m"}, adjust="none")
    means = marginal_means(linear(), rows(), "t", at={"s": "m"})
    expected = means.contrasts("reference", adjust="none")
    for name in ("estimate", "std_error", "df", "p_value"):
        assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-8)


def test_a_cell_has_the_mean_and_the_error_of_its_group():
    cells = rows().head(1).assign(people=7)
    for model in (binary(), linear()):
        found = poststratify(model, cells, "people")
        expected = model.predict_frame(cells)
        assert_allclose(found.estimate, expected["mean"])
        assert_allclose(found.std_error, expected["mean_se"], rtol=1e-5)


def crossed():
    h = np.resize(np.arange(7), len(rows()))
    data = rows().assign(h=h, real=rows()["real"] + np.sin(2.0 * h))
    return LMMRegressor("x + (1 | g) + (1 | h)").fit(data, data["real"]), data


@pytest.mark.parametrize("make", [lambda: (binary(), rows()), crossed])
def test_errors_of_cells_obey_the_parallelogram(make):
    model, data = make()
    cells = data.iloc[[3, 57]].assign(people=1, cell=["one", "two"])
    own = poststratify(model, cells, "people", by="cell", df="normal")
    both = poststratify(model, cells, "people", df="normal")
    value, apart = own._on_response(), own.contrasts(regrid=True)
    twice = 4.0 * both.std_error**2 + apart.std_error**2
    assert_allclose(twice, 2.0 * np.sum(value.functions.std_error**2), rtol=1e-6)


def test_cells_of_unknown_groups_are_refused():
    cells = rows().head(2).assign(people=1, g=[0, 999])
    with pytest.raises(ValueError, match="999"):
        poststratify(binary(), cells, "people")
    assert np.isfinite(poststratify(binary(), cells, "people", kind="marginal").estimate).all()


def test_a_pipeline_and_a_search_answer_in_the_columns_of_the_user():
    scaled = make_column_transformer(
        (StandardScaler(), ["x"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    model = LMMRegressor("t * s + x + (1 | g)")
    X = rows()[["t", "s", "x", "g"]]
    pipe = make_pipeline(scaled, model).fit(X, rows()["real"])
    search = GridSearchCV(pipe, {"lmmregressor__reml": [True]}, cv=2).fit(X, rows()["real"])
    expected = marginal_means(linear(), X, "t", at={"x": 3.0})
    for each in (pipe, search):
        found = marginal_means(each, X, "t", at={"x": 3.0})
        assert_allclose(found.estimate, expected.estimate, rtol=1e-6)
        assert_allclose(found.std_error, expected.std_error, rtol=1e-5)
    cells = X.head(4).assign(people=[1, 2, 3, 4])
    found, expected = (poststratify(each, cells, "people") for each in (pipe, linear()))
    assert_allclose(found.std_error, expected.std_error, rtol=1e-5)
    slope = slopes(pipe, X, of="x")
    assert_allclose(slope.estimate, slopes(linear(), X, of="x").estimate, rtol=1e-6)


def test_a_category_that_a_step_changes_is_still_averaged_over():
    coded = make_column_transformer(
        (OneHotEncoder(drop="first", sparse_output=False), ["s"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    X = rows()[["t", "s", "x", "g"]]
    pipe = make_pipeline(coded, LMMRegressor("t + s_m + x + (1 | g)")).fit(X, rows()["real"])
    plain = LMMRegressor("t + s + x + (1 | g)").fit(X, rows()["real"])
    for by in ("t", "s"):
        found, expected = (marginal_means(each, X, by) for each in (pipe, plain))
        assert_allclose(found.estimate, expected.estimate, rtol=1e-7)


def test_columns_of_an_array_have_numbers():
    X = rows()[["x", "n", "g"]].to_numpy(dtype=float)
    model = LMMRegressor("x0 + C(x1) + (1 | x2)").fit(X, rows()["real"])
    named = LMMRegressor("x + C(n) + (1 | g)").fit(rows(), rows()["real"])
    found, expected = marginal_means(model, X, "x1"), marginal_means(named, rows(), "n")
    assert_allclose(found.estimate, expected.estimate)
    assert found.names == ("x1",)
    assert "x0 at " in str(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "z"}, "z"),
        ({"by": "g"}, "no column that the means depend on"),
        ({"by": "x"}, "say at which"),
        ({"by": "t", "at": {"t": "q"}}, "has no"),
        ({"kind": "conditional"}, "kind"),
        ({"weights": "other"}, "weights"),
        ({"scale": "odds"}, "scale"),
        ({"df": "other"}, "df"),
        ({"level": 2.0}, "level"),
    ],
)
def test_what_cannot_be_answered_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        marginal_means(binary(), rows(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "other"}, "unknown"),
        ({"adjust": "other"}, "unknown"),
        ({"method": "sequential", "adjust": "tukey"}, "pairwise"),
        ({"method": "reference", "reference": "q"}, "none of the levels"),
        ({"method": [[1.0, -1.0]]}, "shape"),
        ({"method": {"one": {"q": 1.0}}}, "names 'q'"),
        ({"by": "s"}, "no column of these"),
        ({"interaction": True}, "two columns"),
    ],
)
def test_contrasts_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        marginal_means(binary(), rows(), "t").contrasts(**options)


def test_models_without_standard_errors_are_refused():
    model = LMMRegressor("t + (1 | g)", inference=False).fit(rows(), rows()["real"])
    with pytest.raises(ValueError, match="inference"):
        marginal_means(model, rows(), "t")


def test_records_have_faces():
    means = marginal_means(linear(), rows(), "t", df="kenward-roger")
    found = means.contrasts()
    for record in (means, found):
        assert "<table>" in record._repr_html_()
        assert repr(record) == str(record)
        assert len(record.to_frame()) == 3
        assert str(pickle.loads(pickle.dumps(record))) == str(record)
    assert_allclose(found.weights @ means.estimate, found.estimate)
    assert "df" in str(means).splitlines()[1]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["fixed", "marginal"])
@pytest.mark.parametrize("name", [name for name in {**MODELS, **RELATED} if "ordered" not in name])
def test_means_of_single_rows_are_those_of_predict_frame(name, kind):
    (X, ys), (model, y) = simulated(), {**MODELS, **RELATED}[name]
    model = model.fit(X, ys[y]).set_params(predict_kind="conditional")
    grid = reference_grid(model, X, by="x", at={"x": [0.5, -1.0]}, kind=kind).assign(n=1)
    found = marginal_means(model, grid=grid, by="x", kind=kind).to_frame()
    expected = model.predict_frame(grid, kind=kind)
    trials = 12 if name == "successes with zeros" else 1
    assert_allclose(trials * found["estimate"], expected["mean"], rtol=1e-9)
    assert_allclose(trials * found["std_error"], expected["mean_se"], rtol=1e-5)
    for end, other in (("conf_low", "mean_ci_lower"), ("conf_high", "mean_ci_upper")):
        off = (trials * found[end] - expected[other]) / expected["mean_se"]
        assert_allclose(off, 0.0, atol=1e-5)


def study(seed, make, mean, n_groups=60, sd=0.6):
    """Whether intervals of two marginal means and of their difference hold the truth."""
    rng, n = np.random.default_rng(seed), 10 * n_groups
    g, t = np.repeat(np.arange(n_groups), 10), np.tile([0, 1], n // 2)
    frame = pd.DataFrame({"t": np.array(["a", "b"])[t], "g": g})
    eta = -0.5 + 0.8 * t + rng.normal(0.0, sd, n_groups)[g]
    z, w = hermegauss(60)
    truth = np.array([w @ mean(-0.5 + 0.8 * k + sd * z) / w.sum() for k in (0, 1)])
    model, y = make(rng, mean(eta))
    means = marginal_means(model.fit(frame, y), frame, "t", kind="marginal")
    apart, (low, high) = means.contrasts(regrid=True), means.limits
    inside = (apart.conf_low <= truth[0] - truth[1]) & (truth[0] - truth[1] <= apart.conf_high)
    return [*((low <= truth) & (truth <= high)), *inside]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "mean"),
    [
        (lambda rng, p: (BinomialGLMMClassifier("t + (1 | g)"), rng.binomial(1, p)), expit),
        (lambda rng, m: (PoissonGLMMRegressor("t + (1 | g)"), rng.poisson(m)), np.exp),
    ],
)
def test_intervals_of_marginal_means_cover(make, mean):
    shares = np.mean([study(seed, make, mean) for seed in range(500)], axis=0)
    assert np.all((shares >= 0.93) & (shares <= 0.97)), shares
