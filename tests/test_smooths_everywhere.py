"""Every tool with a model that has a smooth: it takes the curve along, or says why it does not."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, gammaln
from scipy.stats import gamma, multivariate_normal, norm
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    DesignError,
    GammaGLMMRegressor,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.estimators.cluster.labels import learn_labels
from skglmm.estimators.reading.model import read_model
from skglmm.inference.diagnosis.advice import advice
from skglmm.inference.residuals.distribution_tests import ResidualTest
from skglmm.inspection import (
    PredictionDisplay,
    check_residuals,
    influence,
    residuals,
    to_marginaleffects,
)
from skglmm.model_selection import compare, likelihood_ratio_test, log_density_scorer
from skglmm.multioutput import fit_many
from skglmm.parts import Here
from skglmm.preprocessing import GLMMEncoder

INDEX = np.arange(1, 121)
X = np.round(10 * ((np.sin(1.7 * INDEX) + 1) / 2) ** 1.3, 2)
Z = np.cos(2.3 * INDEX) + 0.3 * np.sin(INDEX)
NOISE = np.sin(INDEX**2)
SHIFT = 0.6 * np.sin(5 * np.arange(10))[INDEX % 10]
ROWS = pd.DataFrame({"x": X, "z": Z, "g": [f"g{each}" for each in INDEX % 10]})
Y = np.sin(X / 1.5) + SHIFT + 0.2 * Z + 0.3 * NOISE
COUNT = np.round(np.exp(0.8 * np.sin(X / 1.5) + SHIFT + 0.8 * NOISE + 0.8))
PROPORTION = expit(np.sin(X / 1.5) + SHIFT + (0.3 + 0.5 * np.exp(-(Z**2))) * NOISE)
NEW = pd.DataFrame({"x": [0.0, 2, 5, 8], "z": [-0.9, 0.5, 0, 1], "g": ["g0", "g1", "new", "g0"]})


@cache
def fitted(formula="s(x) + z + (1 | g)", reml=False):
    return LMMRegressor(formula, reml=reml).fit(ROWS, Y)


@cache
def fitted_counts(formula="s(x, k=6) + (1 | g)"):
    return PoissonGLMMRegressor(formula).fit(ROWS, COUNT)


def test_formulas_with_smooths_are_searched_by_log_density():
    grid = {"formula": ["x + (1 | g)", "s(x, k=6) + (1 | g)"]}
    search = GridSearchCV(LMMRegressor(), grid, cv=3, scoring=log_density_scorer()).fit(ROWS, Y)
    assert search.best_params_["formula"] == grid["formula"][1]
    options = {"groups": ROWS["g"], "cv": GroupKFold(5), "scoring": log_density_scorer()}
    line, curve = (
        cross_val_score(LMMRegressor(each), ROWS, Y, **options) for each in grid["formula"]
    )
    assert curve.mean() > line.mean() + 0.1


def test_a_pipeline_passes_columns_by_number_and_weights():
    both = np.column_stack([X, Z])
    pipeline = make_pipeline(StandardScaler(), LMMRegressor("s(x0) + x1", reml=False))
    weights = 1.0 + (INDEX % 3 == 0)
    pipeline.fit(both, Y, lmmregressor__sample_weight=weights)
    plain = LMMRegressor("s(x) + z", reml=False).fit(ROWS, Y, sample_weight=weights)
    assert_allclose(pipeline.predict(both), plain.predict(ROWS), rtol=1e-6)


def test_many_responses_are_fitted_one_by_one_as_together():
    both = np.column_stack([Y, Y[::-1]])
    model = LMMRegressor("s(x, k=6) + (1 | g)")
    table = fit_many(model, ROWS, both).to_frame()
    alone = model.fit(ROWS, Y[::-1].copy())
    numbers = table[table["effect"].astype(str) == "fixed"] if "effect" in table else table
    assert np.isclose(numbers.select_dtypes("number").to_numpy(), alone.coef_[0]).any()
    arrays = MultiOutputRegressor(LMMRegressor("s(x0, k=6)")).fit(X[:, None], both)
    wanted = LMMRegressor("s(x0, k=6)").fit(X[:, None], Y).predict(X[:3, None])
    assert_allclose(arrays.predict(X[:3, None])[:, 0], wanted, rtol=1e-9)


def test_simulated_rows_keep_the_curve():
    model = fitted_counts()
    new = ROWS.assign(g="g0").iloc[:30]
    draws = model.sample_y(new, n_samples=4000, random_state=0)
    assert_allclose(draws.mean(axis=1), model.predict(new), rtol=0.15)
    draws = model.sample_y(new, n_samples=4000, random_state=0, random_effects="new")
    assert_allclose(draws.mean(axis=1), model.predict(new, kind="marginal"), rtol=0.15)


def test_bootstrap_replicates_have_smooths():
    found = fitted_counts().bootstrap(ROWS, COUNT, n_replicates=4, random_state=0)
    assert "sd(s(x))" in found.names
    assert np.isfinite(found.replicates).all()
    assert found.replicates[:, found.names.index("s(x)")].std() > 0


def test_the_profile_of_the_standard_deviation_of_bends_is_where_the_likelihood_has_fallen():
    model = fitted()
    low, high = model.confint(ROWS, Y, method="profile", parameters="sd(s(x))").iloc[0, 1:]
    wald = model.confint(parameters="sd(s(x))").iloc[0]
    assert low < wald["estimate"] < high
    assert_allclose([low, high], wald[["conf_low", "conf_high"]], rtol=0.3)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_degrees_of_freedom_of_other_effects_count_the_curve(df):
    model = fitted(reml=True)
    table = model.tidy(df=df).set_index("term")
    left = len(ROWS) - 1 - model.smooth_terms()["edf"].item() - 10
    assert left - 3 < table.loc["z", "df"] < left + 3


def test_the_likelihood_ratio_of_a_line_and_a_curve():
    line, curve = fitted("x + z + (1 | g)"), fitted()
    found = likelihood_ratio_test(line, curve)
    assert_allclose(found.statistic, 2 * (curve.log_likelihood_ - line.log_likelihood_))
    assert found.df == 1
    counts = PoissonGLMMRegressor("x + (1 | g)").fit(ROWS, COUNT)
    assert likelihood_ratio_test(counts, fitted_counts(), ROWS).df == 1


def test_a_model_with_one_more_curve_is_larger():
    more = fitted("s(x) + s(z) + (1 | g)")
    line = fitted()
    found = likelihood_ratio_test(fitted("s(x) + (1 | g)"), more, ROWS)
    assert found.df == 2
    assert_allclose(
        found.statistic, 2 * (more.log_likelihood_ - fitted("s(x) + (1 | g)").log_likelihood_)
    )
    assert compare(line, more).loc[more.formula_, "n_params"] == line.n_params_ + 1


def test_another_basis_is_no_larger_model():
    with pytest.raises(ValueError, match="cannot be tested as nested models"):
        likelihood_ratio_test(fitted(), fitted("s(x, k=12) + z + (1 | g)"), ROWS)


def test_curves_explain_variance_as_fixed_effects_do():
    curve, line = fitted().r2(ROWS, Y), fitted("x + z + (1 | g)").r2(ROWS, Y)
    by_curve, by_line = curve.to_frame(), line.to_frame()
    marginal = next(name for name in by_curve.columns if "marginal" in name)
    conditional = next(name for name in by_curve.columns if "conditional" in name)
    assert (by_curve[marginal] > by_line[marginal] + 0.2).all()
    assert (by_curve[conditional] > by_curve[marginal]).all()


def test_residuals_and_findings_know_the_curve():
    model = fitted_counts()
    found = residuals(model, ROWS, COUNT, random_state=0)
    assert np.isfinite(np.asarray(found, dtype=float)).all()
    assert "curve" not in str(model.diagnose(ROWS, COUNT)).lower()
    assert "dispersion" in str(check_residuals(model, ROWS, COUNT))


@pytest.mark.parametrize(
    ("trend", "words"),
    [
        ("s(x)", "Let the slope vary, (x | g), and"),
        ("te(x, z)[z]", "Let the slope vary, (z | g), and"),
        ("te(x, z)[x:z]", "Give each level a curve of its own, s(x, g, bs='fs')"),
        ("s(`my x`)", "Let the slope vary, (`my x` | g), and"),
        ("s(x):f[b]", "Give each level a curve of its own, s(x, g, bs='fs')"),
    ],
)
def test_a_slope_of_a_trend_that_varies_is_one_of_its_column(trend, words):
    test = ResidualTest("missing slope", f"{trend} | g", 0.5, 0.001, "")
    assert advice(test, fitted().fit_.family).startswith(words)


def test_influence_is_that_of_groups_and_not_of_all_rows():
    found = influence(fitted(), ROWS, Y)
    assert set(found["level"]) == set(ROWS["g"])
    assert "sd(s(x))" in found.columns
    assert len(influence(fitted("s(x)"), ROWS, Y)) == 0


@pytest.mark.parametrize("cluster", [None, "g"])
def test_a_sandwich_is_refused_since_all_rows_share_the_bends(cluster):
    with pytest.raises(ValueError, match=re.escape("all rows share the bends of s(x)")):
        fitted().confint(ROWS, Y, method="sandwich", cluster=cluster)


def test_new_rows_move_curves_as_bayes_would():
    model, new = fitted("s(x)", reml=True), ROWS.iloc[:7]
    updated = model.condition(new, Y[:7])
    fit = model.fit_
    f = next(f for f, factor in enumerate(fit.layout.factors) if factor.is_smooth)
    design = model._spec.build(new)
    z, fixed = np.asarray(design.columns[f]), design.fixed[0] @ fit.beta[0]
    rows = np.asarray(model._spec.build(ROWS).columns[f])
    variance = np.exp(2 * fit.beta[1][0])
    precision = np.linalg.inv(fit.lambdas[f] @ fit.lambdas[f].T) + rows.T @ rows / variance
    before = fit.modes(f)[:, 0]
    gain = np.linalg.solve(precision + z.T @ z / variance, z.T) / variance
    wanted = before + gain @ (Y[:7] - fixed - z @ before)
    assert_allclose(updated.fit_.modes(f)[:, 0], wanted, rtol=1e-5, atol=1e-8)


def test_curves_are_not_forgotten():
    with pytest.raises(ValueError, match="would forget the curves of the smooth terms"):
        fitted().condition(NEW.assign(g="new"), np.ones(4), forget=True)


def test_the_joint_density_of_an_unseen_group_is_that_of_its_effect_around_the_curve():
    model, y = fitted(), np.array([0.3, 0.8, -0.2])
    new = ROWS.iloc[:3].assign(g="new")
    together = model.log_density(new, y, joint=True)
    deviation = model.variance_components()["sd"].item()
    sigma = np.exp(model.fit_.beta[1][0])
    covariance = sigma**2 * np.eye(3) + deviation**2
    wanted = multivariate_normal(model.predict(new, kind="fixed"), covariance).logpdf(y)
    assert_allclose(together.sum(), wanted, rtol=1e-8)
    alone = model.log_density(new, y)
    wanted = norm(model.predict(new), np.hypot(sigma, deviation)).logpdf(y)
    assert_allclose(alone, wanted, rtol=1e-8)


def test_quadrature_over_bends_is_refused():
    with pytest.raises(
        DesignError, match=re.escape("the smooth s(x) has 4; leave it out, or take")
    ):
        PoissonGLMMRegressor("s(x, k=6)", n_quadrature=5).fit(ROWS, COUNT)


def test_priors_are_about_the_standard_deviation_of_bends():
    model = PoissonGLMMRegressor("s(x, k=6) + (1 | g)", priors={"sd(s(x))": "gamma(2, 10)"})
    model.fit(ROWS, COUNT)
    found, free = (each.confint().loc["sd(s(x))", "estimate"] for each in (model, fitted_counts()))
    assert found < free
    assert_allclose(model.log_prior_, gamma(2, scale=0.1).logpdf(found), rtol=1e-8)
    with pytest.raises(ValueError, match=re.escape("is about no parameter of the model")):
        PoissonGLMMRegressor("s(x)", priors={"sd(s(z))": "gamma(2, 10)"}).fit(ROWS, COUNT)


def test_zeros_may_have_a_curve():
    rng = np.random.default_rng(2)
    absent = rng.uniform(size=300) < 1 / (1 + np.exp(-2 * np.sin(np.linspace(0, 6, 300))))
    rows = pd.DataFrame({"t": np.linspace(0, 6, 300)})
    y = np.where(absent, 0, rng.poisson(4.0, 300))
    model = PoissonGLMMRegressor("1", zero="s(t, k=8)").fit(rows, y)
    assert list(model.smooth_terms()["name"]) == ["zero(s(t))"]
    found = model.curves(at={"t": [1.5, 4.7]})["estimate"]
    assert found.iloc[0] > 1
    assert found.iloc[1] < -1


def test_ordered_classes_have_a_curve():
    classes = pd.Series(pd.cut(Y, [-9, -0.5, 0.5, 9], labels=["low", "mid", "high"]))
    model = OrdinalGLMMClassifier("s(x, k=6) + (1 | g)").fit(ROWS, classes)
    shares = pd.DataFrame(model.predict_proba(NEW), columns=model.classes_)
    assert_allclose(shares.sum(axis=1), 1.0)
    assert shares["high"].iloc[1] > 0.3 > shares["high"].iloc[0]
    assert model.smooth_terms()["edf"].item() > 2


def test_each_class_has_a_curve_of_its_own():
    classes = np.array(["a", "b", "c"])[np.digitize(Y - SHIFT, [-0.4, 0.5])]
    model = MultinomialGLMMClassifier("s(x, k=5)").fit(ROWS, classes)
    assert list(model.smooth_terms()["name"]) == ["b(s(x))", "c(s(x))"]
    assert_allclose(model.predict_proba(NEW).sum(axis=1), 1.0)


def test_a_classifier_and_positive_responses_have_curves():
    hit = (np.sin(X / 1.5) + NOISE > 0).astype(int)
    assert BinomialGLMMClassifier("s(x, k=6)").fit(ROWS, hit).smooth_terms()["edf"].item() > 2
    assert GammaGLMMRegressor("s(x, k=6)").fit(ROWS, np.exp(Y)).smooth_terms()["edf"].item() > 2


def test_the_scale_may_have_a_curve():
    rng = np.random.default_rng(3)
    t = np.linspace(0, 6, 400)
    rows = pd.DataFrame({"t": t})
    y = np.sin(t) + np.exp(np.sin(t + 2) - 1) * rng.normal(size=400)
    model = LMMRegressor("s(t)", scale="s(t)").fit(rows, y)
    found = model.curves("scale(s(t))")
    truth = np.sin(found["t"] + 2)
    assert np.corrcoef(found["estimate"], truth)[0, 1] > 0.95
    mean = model.curves("s(t)")["estimate"]
    assert np.corrcoef(mean, np.sin(found["t"]))[0, 1] > 0.99


def test_tables_have_no_row_for_each_bend():
    model = fitted_counts()
    table = model.tidy(exponentiate=True)
    assert list(model.vcov().columns) == ["Intercept", "s(x)"]
    assert not table["term"].astype(str).str.contains(r"s\(x\)\.").any()
    assert not model.random_effects()["effect"].astype(str).str.contains("s\\(x").any()
    row = table[table["term"] == "s(x)"].iloc[0]
    assert_allclose(row["estimate"], np.exp(model.coef_[0]), rtol=1e-10)
    assert model.n_levels_ == {"g": 10}
    assert len(model.group_coefficients()["level"].unique()) == 10


def test_predictions_are_drawn_with_their_curve():
    display = PredictionDisplay.from_estimator(fitted_counts(), ROWS, feature="x")
    assert display is not None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_marginaleffects_has_the_uncertainty_of_curves():
    me = pytest.importorskip("marginaleffects")
    model = fitted(reml=True)
    found = me.predictions(to_marginaleffects(model, ROWS), newdata=NEW.iloc[[0, 1, 3]])
    value, error = model.predict_linear(NEW.iloc[[0, 1, 3]], return_std=True, kind="fixed")
    found = pd.DataFrame(found.to_dict(as_series=False))
    assert_allclose(found["estimate"], value, rtol=1e-6)
    assert_allclose(found["std_error"], error, rtol=1e-3)


def test_an_encoder_beside_a_smooth():
    encoder = GLMMEncoder(["g"], cv=2, random_state=0)
    pipeline = make_pipeline(encoder.set_output(transform="pandas"), LMMRegressor("s(x) + g"))
    assert pipeline.fit(ROWS, Y).score(ROWS, Y) > 0.5


def test_rows_on_a_cluster_do_not_learn_knots():
    model = LMMRegressor("s(x) + (1 | g)")
    texts = read_model(model, model._make_family(), ROWS, "y")
    message = "s(x) learns its knots from all rows, which is not done on a cluster"
    with pytest.raises(DesignError, match=re.escape(message)):
        learn_labels(Here([]), ROWS, texts, model)


def test_tests_of_hypotheses_are_of_coefficients_and_not_of_curves():
    model = fitted(reml=True)
    with pytest.raises(ValueError, match=r"'s\(x\)' is a curve"):
        model.wald_test("s(x)")
    names = list(model.vcov().columns)
    trend = [float(name == "s(x)") for name in names]
    assert 0 < model.wald_test(trend).p_value < 0.05


def precision_likelihood(model):
    """Laplace's approximation of the likelihood of a beta response with bends of the precision."""
    fit, design = model.fit_, model._spec.build(ROWS)
    root = fit.lambdas[0]
    mean = expit(design.fixed[0] @ fit.beta[0])

    def loss(u):
        phi = np.exp(design.fixed[1] @ fit.beta[1] + design.columns[0] @ root @ u)
        a, b = mean * phi, (1 - mean) * phi
        logs = gammaln(phi) - gammaln(a) - gammaln(b)
        logs += (a - 1) * np.log(PROPORTION) + (b - 1) * np.log1p(-PROPORTION)
        return 0.5 * u @ u - np.sum(logs)

    found = minimize(loss, np.zeros(len(root)), method="BFGS", options={"gtol": 1e-9})
    steps, size = 1e-4 * np.eye(len(root)), range(len(root))
    at = found.x
    hessian = [
        [
            sum(i * j * loss(at + i * steps[a] + j * steps[b]) for i in (1, -1) for j in (1, -1))
            / 4e-8
            for b in size
        ]
        for a in size
    ]
    return -found.fun - 0.5 * np.linalg.slogdet(np.array(hessian))[1], root @ at


@pytest.mark.filterwarnings("ignore:Desired error:RuntimeWarning")
def test_a_smooth_of_the_precision_is_fitted_as_one_of_the_mean_is():
    model = BetaGLMMRegressor("x", precision="s(z, k=5)").fit(ROWS, PROPORTION)
    likelihood, bends = precision_likelihood(model)
    assert_allclose(model.log_likelihood_, likelihood, atol=1e-5)
    assert_allclose(model.fit_.modes(0)[:, 0], bends, atol=1e-4)
    assert list(model.smooth_terms()["name"]) == ["precision(s(z))"]
    spread = model.predict_linear(NEW, "precision", kind="fixed")
    assert_allclose(np.diff(spread), np.diff(model.curves(at=NEW)["estimate"]), rtol=1e-8)


@pytest.mark.slow
def test_simultaneous_bands_hold_whole_curves():
    """Of 200 sets of rows about a sine, 0.95 with a standard error of 0.015."""
    rng, held, points = np.random.default_rng(0), {True: 0, False: 0}, 0.0
    t = np.linspace(0, 6, 120)
    rows = pd.DataFrame({"t": t})
    truth = np.sin(t) - np.sin(t).mean()
    for _ in range(200):
        model = LMMRegressor("s(t, k=15)").fit(rows, np.sin(t) + rng.normal(0, 0.4, len(t)))
        for whole in held:
            band = model.curves(at={"t": t}, simultaneous=whole)
            inside = (band["conf_low"] <= truth) & (truth <= band["conf_high"])
            held[whole] += bool(inside.all())
            points += 0.0 if whole else inside.mean() / 200
    assert 0.90 <= held[True] / 200 <= 0.98
    assert 0.92 <= points <= 0.98
    assert held[False] < held[True]
