"""Posterior modes: glmmTMB's objective with priors, derivatives, separation, what says no."""

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
)
from skglmm.datasets import load_petrol
from skglmm.estimators.reading.study import study_of
from skglmm.fitting import differenced_hessian
from skglmm.fitting.search.optimize import Optimum
from skglmm.fitting.search.start import start
from skglmm.inference import coefficient_tables
from skglmm.model_selection import compare, likelihood_ratio_test
from skglmm.multioutput import fit_many

REFERENCE = Path(__file__).parent / "reference"
CASES = json.loads((REFERENCE / "priors.json").read_text(encoding="utf-8"))["cases"]


def counts():
    d = pd.read_csv(REFERENCE / "simulated_counts.csv")
    d["any"] = (d["count"] > 0).astype(int)
    d["rare"] = d["any"] * (np.arange(1, len(d) + 1) % 20 == 0)
    return d


def slopes():
    priors = {"x": "normal(0, 0.3)", "sd": "gamma(2, 0.5)", "corr": "lkj(3)"}
    d = counts()
    model = PoissonGLMMRegressor("x + (1 + x | group)", priors=priors)
    return model.fit(d, d["count"]), d, d["count"]


def separated():
    priors = {"fixed": "normal(0, 2.5)", "sd(Intercept | group)": "gamma(2, 0.1)"}
    d = counts()
    model = BinomialGLMMClassifier("x + rare + (1 | group)", priors=priors)
    return model.fit(d, d["any"]), d, d["any"]


def parts():
    priors = {
        "x": "t(4, 0, 1)",
        "zero(x)": "cauchy(0, 2)",
        "precision": "normal(0, 0.5)",
        "sd(Intercept | g)": "half-normal(0.5)",
        "sd(zero(Intercept) | g)": "exponential(1)",
    }
    d = pd.read_csv(REFERENCE / "simulated_boundary.csv")
    formulas = {"zero": "x + (1 | g)", "precision": "x"}
    model = ZeroInflatedBetaGLMMRegressor("x + (1 | g)", **formulas, priors=priors)
    return model.fit(d, d["zeros"]), d, d["zeros"]


@pytest.fixture(scope="module")
def fits():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {make.__name__: make() for make in (slopes, separated, parts)}


@pytest.mark.parametrize("name", CASES)
def test_modes_are_those_of_glmmtmb_with_the_same_priors(fits, name):
    model, theirs = fits[name][0], CASES[name]
    assert model.converged_
    assert_allclose(model.log_likelihood_, theirs["log_likelihood"], atol=1e-7)
    assert_allclose(model.log_prior_, theirs["log_prior"], atol=1e-7)
    keys = {"mean": "beta", "zero": "betazi", "precision": "betad"}
    for table in coefficient_tables(model.fit_):
        estimate, error = (
            theirs[kind][keys[table.predictor]] for kind in ("estimate", "std_error")
        )
        assert_allclose(table.estimate, estimate, atol=1e-6)
        assert_allclose(table.std_error, error, rtol=1e-4)


@pytest.mark.parametrize(("name", "places"), [("slopes", [0, 1]), ("separated", [0])])
def test_standard_deviations_are_those_of_glmmtmb(fits, name, places):
    theirs = np.atleast_1d(CASES[name]["estimate"]["theta"])
    found = fits[name][0].variance_components()
    assert_allclose(found["sd"].to_numpy()[places], np.exp(theirs[places]), rtol=1e-6)


def test_petrol_has_its_mode_with_a_normal_prior_of_the_log_sd():
    # lognormal(0, 1) is normal(-1, 1) of the logarithm, but for the Jacobian: a constant of 1/2.
    X, y = load_petrol(return_X_y=True)
    X = X.assign(EPc=X["EP"] / 100)
    priors = {"EPc": "normal(0, 0.5)", "sd": "lognormal(0, 1)"}
    model = BetaGLMMRegressor("EPc + (1 | batch)", priors=priors).fit(X, y / 100)
    assert_allclose(model.log_likelihood_, 60.5658864078464, atol=1e-7)
    assert_allclose(model.log_likelihood_ + model.log_prior_ - 0.5, 57.0738210724841, atol=1e-7)
    assert_allclose(model.coef_, 1.07190803222572, atol=1e-7)


KINDS = {
    "normal": {"x": "normal(0.1, 0.2)", "intercept": "normal(0, 1)"},
    "t": {"fixed": "t(3, 0.1, 0.2)", "precision": "t(3, 0, 1)"},
    "cauchy": {"x": "cauchy(0, 0.1)", "sd": "cauchy(0, 0.3)"},
    "gamma": {"sd(Intercept | g)": "gamma(3, 2)", "sd(x | g)": "gamma(2, 1)"},
    "exponential": {"sd": "exponential(2)"},
    "half-normal": {"sd | g": "half-normal(0.4)"},
    "lognormal": {"sd": "lognormal(-1, 0.5)"},
    "shifted": {"sd": "normal(0.5, 0.2)"},
    "lkj": {"corr": "lkj(4)"},
    "weak": "weak",
}


def nested_data():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(12), 10)
    x = rng.normal(2.0, 1.0, 120)
    b = rng.multivariate_normal([0, 0], [[0.5, 0.2], [0.2, 0.3]], 12)
    mu = 1 / (1 + np.exp(-(0.2 + 0.4 * (x - 2) + b[g, 0] + b[g, 1] * (x - 2))))
    X = pd.DataFrame({"x": x, "g": g, "nm": 1e9 * x, "z": rng.normal(size=120)})
    return X, rng.beta(8 * mu, 8 * (1 - mu))


@pytest.fixture(scope="module")
def nested():
    return nested_data()


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_is_that_of_likelihood_and_priors(nested, kind):
    X, y = nested
    model = BetaGLMMRegressor("x + (1 + x | g)", precision="z", priors=KINDS[kind]).fit(X, y)
    problem = study_of(model, X, y).problem
    rng = np.random.default_rng(0)
    vector = study_of(model, X, y).vector(model.fit_) + rng.normal(0, 0.05, problem.shape.n_params)
    here = problem.evaluate(vector)
    steps = 1e-5 * np.eye(len(vector))
    ends = [[problem.evaluate(vector + s * step).value for s in (1, -1)] for step in steps]
    assert_allclose(here.gradient, [(a - b) / 2e-5 for a, b in ends], rtol=1e-5, atol=1e-5)
    ends = [[problem.penalized(vector + s * step)[1] for s in (1, -1)] for step in steps]
    hessian = problem.penalty.hessian(problem.covariances, vector, problem.shape)
    assert_allclose(hessian, [(a - b) / 2e-5 for a, b in ends], rtol=1e-4, atol=1e-4)
    state = Optimum(vector, here, np.eye(len(vector)), np.full(len(vector), np.inf))
    hessian = differenced_hessian(problem, state, np.ones(len(vector), dtype=bool))
    gradients = [[problem.evaluate(vector + s * step).gradient for s in (1, -1)] for step in steps]
    assert_allclose(hessian, [(a - b) / 2e-5 for a, b in gradients], rtol=1e-3, atol=2e-3)


def test_the_log_prior_is_that_of_what_tables_show(fits):
    model = fits["slopes"][0]
    table = model.variance_components()
    expected = stats.norm(0, 0.3).logpdf(model.coef_[0])
    expected += stats.gamma(2, scale=2).logpdf(table["sd"]).sum()
    expected += np.log(15 / 16 * (1 - table["corr"].iloc[1] ** 2) ** 2)  # of LKJ with eta = 3
    assert_allclose(model.log_prior_, expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("normal(0.5, 0.2)", stats.norm(0.5, 0.2)),
        ("t(4, 0.1, 0.3)", stats.t(4, 0.1, 0.3)),
        ("cauchy(0, 1)", stats.cauchy(0, 1)),
    ],
)
def test_densities_of_standard_deviations_are_cut_off_at_zero(nested, text, whole):
    X, y = nested
    model = BetaGLMMRegressor("x + (1 | g)", priors={"sd": text}).fit(X, y)
    expected = whole.logpdf(model.variance_components()["sd"].iloc[0]) - whole.logsf(0)
    assert_allclose(model.log_prior_, expected, rtol=1e-10)


def test_the_units_of_columns_do_not_matter(nested):
    X, y = nested
    one = {"x": "normal(0, 0.3)", "sd(x | g)": "gamma(2, 3)", "corr": "lkj(3)"}
    other = {"nm": "normal(0, 0.3e-9)", "sd(nm | g)": "gamma(2, 3e9)", "corr": "lkj(3)"}
    found = [
        BetaGLMMRegressor(f"{name} + (1 + {name} | g)", priors=priors).fit(X, y)
        for name, priors in (("x", one), ("nm", other))
    ]
    assert_allclose(found[0].log_likelihood_, found[1].log_likelihood_, rtol=1e-9)
    assert_allclose(found[0].coef_[0], 1e9 * found[1].coef_[0], rtol=1e-5)
    assert_allclose(found[0].log_prior_, found[1].log_prior_ - 2 * np.log(1e9), rtol=1e-8)


def test_weak_priors_have_the_units_of_columns_and_of_real_responses(nested):
    X, y = nested
    found = [
        LMMRegressor(f"{name} + (1 + {name} | g)", priors="weak", reml=False).fit(X, width * y)
        for name, width in (("x", 1.0), ("nm", 1e6))
    ]
    one, other = (model.fit_.log_likelihood for model in found)
    assert_allclose(one, other + 120 * np.log(1e6), rtol=1e-8)
    assert_allclose(found[0].coef_ * 1e-3, found[1].coef_, rtol=1e-5)


def test_a_prior_of_one_number_is_about_that_number(nested):
    X, y = nested
    model = BetaGLMMRegressor("x", priors={"precision": "gamma(20, 10)"}).fit(X, y)
    study = study_of(model, X, y)
    value = np.exp(model.precision_coef_[0])
    assert_allclose(model.log_prior_, stats.gamma(20, scale=0.1).logpdf(value), rtol=1e-10)
    plain = study.problem.evaluate(study.vector(model.fit_))
    assert np.abs(plain.gradient).max() < 1e-4
    assert value < np.exp(BetaGLMMRegressor("x").fit(X, y).precision_coef_[0])


def test_a_prior_of_a_threshold_is_about_that_of_the_users_columns():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200) + 3.0  # far from 0, where thresholds are
    y = np.digitize(x + rng.logistic(size=200), [2.0, 3.5, 5.0])
    model = OrdinalGLMMClassifier("x", priors={"0|1": "normal(0, 0.1)", "x": "normal(0, 0.3)"})
    model.fit(pd.DataFrame({"x": x}), y)

    def loss(point):
        cuts, slope = np.array([-np.inf, *point[:3], np.inf]), point[3]
        mass = expit(cuts[y + 1] - slope * x) - expit(cuts[y] - slope * x)
        return -np.log(mass).sum() + 0.5 * (point[0] / 0.1) ** 2 + 0.5 * (slope / 0.3) ** 2

    point = np.array([*model.thresholds_, *model.coef_])
    steps = 1e-5 * np.eye(4)
    slopes = [(loss(point + step) - loss(point - step)) / 2e-5 for step in steps]
    assert_allclose(slopes, 0.0, atol=1e-3)
    prior = stats.norm.logpdf(point[0], 0.0, 0.1) + stats.norm.logpdf(point[3], 0.0, 0.3)
    assert_allclose(model.fit_.log_prior, prior)
    whole = clone(model).set_params(priors={"thresholds": "normal(0, 0.1)"})
    entries = whole.fit(pd.DataFrame({"x": x}), y).fit_.priors.entries
    assert [name for name, _ in entries] == ["0|1", "1|2", "2|3"]


def test_quadrature_has_the_same_penalty():
    d = counts()
    priors = {"x": "normal(0, 0.1)", "sd": "gamma(2, 3)"}
    model = BinomialGLMMClassifier("x + (1 | group)", n_quadrature=7, priors=priors)
    study = study_of(model.fit(d, d["any"]), d, d["any"])
    problem, vector = study.problem, study.vector(model.fit_)
    assert np.abs(problem.evaluate(vector).gradient).max() < 1e-4
    free = BinomialGLMMClassifier("x + (1 | group)", n_quadrature=7).fit(d, d["any"])
    assert abs(model.coef_[0]) < abs(free.coef_[0])


def steady(seed=0):
    """Responses without any variance between groups."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"x": rng.normal(size=120), "g": np.tile(np.arange(12), 10)})
    noise = rng.normal(size=120)
    return X, noise - pd.Series(noise).groupby(X["g"]).transform("mean").to_numpy() + 0.5 * X[
        "x"
    ].to_numpy()


@pytest.mark.parametrize("reml", [False, True])
@pytest.mark.parametrize("sd", ["gamma(2, 0.1)", "weak", "lognormal(0, 1)", "normal(0.5, 0.2)"])
def test_densities_that_vanish_at_zero_keep_variances_off_it(sd, reml):
    X, y = steady()
    model = LMMRegressor("x + (1 | g)", reml=reml, priors={"sd": sd}).fit(X, y)
    assert model.converged_
    assert not model.is_singular_
    table = model.variance_components()
    assert (table["sd"] > 0.05).all()
    assert np.isfinite(table["sd_std_error"]).all()


@pytest.mark.parametrize("sd", ["half-normal(1)", "cauchy(0, 1)", "exponential(1)"])
def test_densities_that_do_not_vanish_leave_variances_at_zero(sd):
    X, y = steady()
    model = LMMRegressor("x + (1 | g)", reml=False, priors={"sd": sd})
    with pytest.warns(UserWarning, match="singular"):
        model.fit(X, y)
    assert model.converged_
    assert model.variance_components()["sd"].tolist() == [0.0]


def test_correlations_of_one_are_kept_inside():
    rng = np.random.default_rng(3)
    g, x = np.repeat(np.arange(10), 8), rng.normal(size=80)
    X, b = pd.DataFrame({"x": x, "g": g}), rng.normal(size=10)[g]
    y = b + 0.8 * b * x + rng.normal(0, 0.5, 80)
    model = LMMRegressor("x + (x | g)", priors={"corr": "lkj(2)"}).fit(X, y)
    assert model.converged_
    assert not model.is_singular_
    assert 0.8 < model.variance_components()["corr"].iloc[1] < 0.999


def apart(share):
    """A covariate that separates two classes, in all rows or but for a few."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame({"x": rng.normal(size=150), "g": np.arange(150) % 10})
    X["rare"] = (rng.random(150) < 0.1).astype(int)
    y = (X["x"] > 0.1).astype(int) if share == 1 else (rng.random(150) < 0.5) | (X["rare"] == 1)
    return X, np.asarray(y, dtype=int)


@pytest.mark.parametrize(("share", "name"), [(1, "x"), (0.1, "rare")])
def test_separated_classes_have_finite_estimates_and_intervals_with_weak_priors(share, name):
    X, y = apart(share)
    model = BinomialGLMMClassifier(f"{name} + (1 | g)", priors="weak").fit(X, y)
    assert model.converged_
    assert not any(signs.any() for signs in model.fit_.infinities)
    for method in ("wald", "profile"):
        limits = model.confint(X, y, method=method).loc[name, ["conf_low", "conf_high"]]
        assert np.isfinite(limits).all()
        assert limits.iloc[0] < model.coef_[0] < limits.iloc[1]
    found = [each for each in model.diagnose(X, y).findings if each.kind == "separation"]
    assert [each.severity for each in found] == ["note"]
    assert "without priors the likelihood rises for ever" in found[0].finding


def test_a_search_begins_with_the_priors():
    X, y = apart(1)
    model = BinomialGLMMClassifier("x", priors="weak").fit(X, y)
    study = study_of(model, X, y)
    first = start(study.problem, np.zeros(1), study.upper)
    ends = [study.problem.evaluate(vector).value for vector in (first, study.vector(model.fit_))]
    assert ends[1] <= ends[0] < ends[1] + 0.1


def test_a_profile_is_that_of_the_posterior_density(fits):
    model, d, y = fits["separated"]
    low, high = model.confint(d, y, method="profile").loc["rare", ["conf_low", "conf_high"]]
    study = study_of(model, d, y)
    best = study.problem.evaluate(study.vector(model.fit_)).value
    held = clone(model).set_params(
        formula="x + offset(at) + (1 | group)",
        priors={"x": "normal(0, 2.5)", "sd": "gamma(2, 0.1)"},
    )
    for end in (low, high):
        again = held.fit(d.assign(at=end * d["rare"]), y)
        value = again.log_likelihood_ + again.log_prior_ + stats.norm(0, 2.5).logpdf(end)
        assert_allclose(-value - best, 0.5 * stats.chi2(1).ppf(0.95), rtol=1e-4)


def test_zeros_that_do_not_occur_have_an_estimate_with_a_prior(nested):
    X, y = nested
    model = ZeroInflatedBetaGLMMRegressor("x", priors={"zero(Intercept)": "normal(0, 2)"})
    model.fit(X, y)
    assert model.converged_
    assert -6 < model.zero_coef_[0] < -2
    assert np.isfinite(model.vcov().to_numpy()).all()


def test_a_term_and_a_class_give_way_to_a_name(nested):
    X, y = nested
    X = X.assign(arm=np.tile(list("abc"), 40))
    priors = {"fixed": "normal(0, 1)", "arm": "normal(0, 2)", "arm[T.c]": "normal(0, 3)"}
    model = BetaGLMMRegressor("x + arm", priors=priors).fit(X, y)
    assert {name: str(density) for name, density in model.fit_.priors.entries} == {
        "x": "normal(0, 1)",
        "arm[T.b]": "normal(0, 2)",
        "arm[T.c]": "normal(0, 3)",
    }


def test_weak_priors_are_those_of_the_guide():
    X, y = apart(0.1)
    model = BinomialGLMMClassifier("x + rare + (x | g)", priors="weak").fit(X, y)
    spread = np.std(X["x"])
    found = dict(model.fit_.priors.entries)
    assert_allclose(found["x"].arguments, (0.0, 2.5 / spread))
    assert_allclose(found["rare"].arguments, (0.0, 2.5))
    assert_allclose(found["sd(Intercept | g)"].arguments, (2.0, 0.1))
    assert_allclose(found["sd(x | g)"].arguments, (2.0, 0.1 * spread))
    assert_allclose(found["corr(Intercept, x | g)"].arguments, (2.0,))
    assert len(found) == 5


@pytest.mark.parametrize(
    ("formula", "priors", "told"),
    [
        ("x + (1 | g)", {"fixd": "normal(0, 1)"}, "about no parameter.*did you mean 'fixed'"),
        ("x + (1 | g)", {"X": "normal(0, 1)"}, "about no parameter"),
        ("x", {"sd": "gamma(2, 1)"}, "no random effects"),
        ("(1 | g)", {"fixed": "normal(0, 1)"}, "no coefficients but the intercept"),
        ("0 + x", {"intercept": "normal(0, 1)"}, "no intercept"),
        ("x + (1 | g)", {"corr": "lkj(2)"}, r"no random effects of the model are correlated"),
        ("x + (1 | g)", {"sd": "lkj(2)"}, "lkj is for correlations"),
        ("x + (x | g)", {"corr": "normal(0, 1)"}, r"correlations take lkj\(eta\)"),
        ("x", {"intercept": "weak"}, "Intercept has no weak prior"),
        ("x + (1 | g)", {"sd": "normal(-9, 1)"}, "next to no probability between 0 and inf"),
        ("x", {"x": "gamma(2, 1)"}, "x may be negative; normal, t and cauchy are of all"),
    ],
)
def test_priors_of_nothing_are_explained(formula, priors, told):
    X, y = apart(0.1)
    with pytest.raises(ValueError, match=told):
        BinomialGLMMClassifier(formula, priors=priors).fit(X, y)


def test_each_threshold_is_named_once_where_a_prior_is_about_nothing():
    X, y = apart(0.1)
    with pytest.raises(ValueError, match=r"'sd \| g', 'thresholds', 'x', '0\|1', 'sd\("):
        OrdinalGLMMClassifier("x + (1 | g)", priors={"Intercept": "normal(0, 1)"}).fit(X, y)


def test_a_column_called_as_a_class_is_refused():
    X, y = apart(0.1)
    with pytest.raises(ValueError, match="give the column another name"):
        BinomialGLMMClassifier("sd", priors={"sd": "normal(0, 1)"}).fit(X.assign(sd=X["x"]), y)


def test_reml_has_priors_of_variances_alone():
    X, y = steady()
    with pytest.raises(ValueError, match=r"REML integrates out with a flat prior; .* reml=False"):
        LMMRegressor("x + (1 | g)", priors={"x": "normal(0, 1)"}).fit(X, y)
    model = LMMRegressor("x + (1 | g)", priors="weak").fit(X, y)
    assert [name for name, _ in model.fit_.priors.entries] == ["sd(Intercept | g)"]
    priors = {"sd": "gamma(2, 1)", "scale": "half-normal(1)"}
    scaled = LMMRegressor("x + (1 | g)", priors=priors).fit(X, y)
    sd, scale = scaled.variance_components()["sd"].item(), np.exp(scaled.scale_coef_.item())
    found = stats.gamma.logpdf(sd, 2.0) + stats.halfnorm.logpdf(scale)
    assert_allclose(scaled.fit_.log_prior, found)
    with pytest.raises(ValueError, match="df='satterthwaite' is for estimates of maximum"):
        model.summary(df="satterthwaite")


def test_what_needs_maximum_likelihood_refuses_priors(fits):
    model, d, y = fits["separated"]
    other = clone(model).set_params(formula="rare + x + x:rare + (1 | group)").fit(d, y)
    with pytest.raises(ValueError, match="have priors, and there is no test"):
        likelihood_ratio_test(model, other)
    with pytest.warns(UserWarning, match="criteria of models with priors mean little"):
        table = compare(model, other)
    assert table["lr_p_value"].isna().all()
    warned = pytest.warns(UserWarning, match="criteria")
    with warned, pytest.raises(ValueError, match="conditional AIC"):
        compare(model, other, conditional=True, X=d, y=y)


def test_summaries_say_penalized_and_list_the_priors(fits):
    text = str(fits["separated"][0].summary())
    assert "Penalized: estimates are posterior modes; log prior: -9.5427" in text
    assert "rare                   normal(0, 2.5)" in text
    assert "<caption" in fits["separated"][0].summary()._repr_html_()


def test_refits_keep_the_priors(fits):
    model, d, y = fits["separated"]
    found = model.bootstrap(d, y, 3, random_state=0)
    assert np.isfinite(found.replicates).all()
    assert np.abs(found.replicates[:, 2]).max() < 6  # rare
    robust = model.confint(d, y, method="sandwich", level=0.9)
    assert np.isfinite(robust.to_numpy()[:3]).all()


def test_many_responses_are_fitted_as_each_alone(nested):
    X, _ = nested
    rng = np.random.default_rng(0)
    Y = pd.DataFrame({"a": rng.normal(size=120), "b": 1e3 * rng.normal(size=120)})
    model = LMMRegressor("x + (1 | g)", priors="weak", reml=False)
    found = fit_many(model, X, Y)
    alone = clone(model).fit(X, Y["b"])
    assert_allclose(found.glance().loc["b", "log_likelihood"], alone.log_likelihood_, rtol=1e-9)


def test_grids_choose_among_priors():
    X, y = apart(0.1)
    grid = {"priors": [None, "weak", {"fixed": "normal(0, 0.1)"}]}
    search = GridSearchCV(BinomialGLMMClassifier("x + (1 | g)"), grid, cv=2, scoring="neg_log_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.fit(X, y)
    assert len(set(search.cv_results_["mean_test_score"])) == 3
    stored = pickle.loads(pickle.dumps(search.best_estimator_))
    assert stored.fit_.priors == search.best_estimator_.fit_.priors
    assert stored.get_params()["priors"] == search.best_params_["priors"]
