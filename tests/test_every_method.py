"""Every method for every kind of response: it answers with numbers, or refuses with a reason."""

import inspect
import re
import sys
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.special import expit

import skglmm
from skglmm import (
    BetaBinomialGLMMRegressor,
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    BinomialGLMMRegressor,
    ConwayMaxwellPoissonGLMMRegressor,
    ExtendedBetaGLMMRegressor,
    GammaGLMMRegressor,
    GeneralizedPoissonGLMMRegressor,
    GLMMRegressor,
    InverseGaussianGLMMRegressor,
    LMMRegressor,
    LognormalGLMMRegressor,
    MultinomialGLMMClassifier,
    NegativeBinomialGLMMRegressor,
    OneInflatedBetaGLMMRegressor,
    OrderedBetaGLMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    StudentTGLMMRegressor,
    TweedieGLMMRegressor,
    ZeroInflatedBetaGLMMRegressor,
    ZeroOneInflatedBetaGLMMRegressor,
)
from skglmm.families import Poisson, ZeroInflated
from skglmm.inspection import (
    CoefficientDisplay,
    DiagnosticsDisplay,
    GroupCalibrationDisplay,
    MarginalMeansDisplay,
    PredictionDisplay,
    ProfileDisplay,
    RandomEffectsDisplay,
    ResidualDisplay,
    RootogramDisplay,
    calibration,
    check_residuals,
    influence,
    residuals,
)
from skglmm.model_selection import compare, likelihood_ratio_test, log_density_scorer

FORMULA = "x + (1 | g)"


def simulated():
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(20), 10)
    X = pd.DataFrame({"x": rng.normal(size=200), "z": rng.normal(size=200)})
    X["g"], X["hours"] = [f"g{i:02d}" for i in g], rng.uniform(1, 5, 200)
    X["n"], X["h"] = np.arange(200) % 12 + 1, np.arange(200) % 2
    eta = 0.5 + 0.7 * X["x"].to_numpy() + rng.normal(0, 0.6, 20)[g]
    counts = rng.poisson(X["hours"] * np.exp(eta)).astype(float)
    shares = rng.beta(6 * expit(eta), 6 * expit(-eta))
    ys = {
        "real": 1000 + 300 * eta + rng.normal(0, 150, 200),
        "counts": counts,
        "zeros": np.where(rng.random(200) < 0.3, 0.0, counts),
        "positive": counts + 1,
        "labels": np.where(rng.random(200) < expit(eta), "yes", "no"),
        "shares": shares,
        "ends": np.clip(1.2 * shares - 0.1, 0.0, 1.0),
        "lower ends": np.clip(1.1 * shares - 0.1, 0.0, 0.99),
        "successes": rng.binomial(X["n"], shares).astype(float),
        "successes and zeros": rng.binomial(X["n"], shares) * (rng.random(200) < 0.7),
        "upper ends": np.clip(1.1 * shares, 0.01, 1.0),
        "ratings": np.digitize(eta + rng.logistic(size=200), [-1.0, 0.5, 2.0]),
    }
    utility = np.outer(eta, [0.0, 1.0, -1.0]) + rng.normal(size=(20, 3))[g]
    utility += rng.gumbel(size=(200, 3))
    ys["ways"] = np.array(["bus", "car", "train"])[np.argmax(utility, axis=1)]
    ys["amounts"] = 1000 * rng.gamma(4.0, np.exp(eta) / 4.0)
    ys["durations"] = 1000 * rng.gamma(4.0, 0.25 / (4.0 + eta))
    ys["amounts and zeros"] = np.where(rng.random(200) < 0.3, 0.0, ys["amounts"])
    return X, ys


MODELS = {
    "real": (LMMRegressor(FORMULA, reml=False), "real"),
    "real, restricted": (LMMRegressor(FORMULA), "real"),
    "counts": (PoissonGLMMRegressor(FORMULA, exposure="hours"), "counts"),
    "counts, restricted": (PoissonGLMMRegressor(FORMULA, reml=True), "counts"),
    "extra zeros": (PoissonGLMMRegressor(FORMULA, exposure="hours", zero="1"), "zeros"),
    "hurdle": (PoissonGLMMRegressor(FORMULA, zero="z", zero_kind="hurdle"), "zeros"),
    "truncated": (PoissonGLMMRegressor(FORMULA, truncated=True), "positive"),
    "amounts": (GammaGLMMRegressor(FORMULA), "amounts"),
    "sums and zeros": (TweedieGLMMRegressor(FORMULA, exposure="hours"), "amounts and zeros"),
    "classes": (BinomialGLMMClassifier(FORMULA), "labels"),
    "classes, by quadrature": (BinomialGLMMClassifier(FORMULA, n_quadrature=5), "labels"),
    "ordered classes": (OrdinalGLMMClassifier(FORMULA, scale="z"), "ratings"),
    "unordered classes": (MultinomialGLMMClassifier(FORMULA), "ways"),
    "successes": (BinomialGLMMRegressor(FORMULA, trials="n"), "successes"),
    "shares": (BetaGLMMRegressor(FORMULA), "shares"),
    "ends": (OrderedBetaGLMMRegressor(FORMULA), "ends"),
}
# they share what they do with others, which are asked each time
RELATED = {
    "lower ends": (ZeroInflatedBetaGLMMRegressor(FORMULA), "lower ends"),
    "upper ends": (OneInflatedBetaGLMMRegressor(FORMULA), "upper ends"),
    "both ends": (ZeroOneInflatedBetaGLMMRegressor(FORMULA), "ends"),
    "far ends": (ExtendedBetaGLMMRegressor(FORMULA), "ends"),
    "positive, by quadrature": (
        PoissonGLMMRegressor(FORMULA, truncated=True, n_quadrature=5),
        "positive",
    ),
    "varied counts": (NegativeBinomialGLMMRegressor(FORMULA, exposure="hours"), "counts"),
    "varied counts with zeros": (NegativeBinomialGLMMRegressor(FORMULA, zero="1"), "zeros"),
    "varied positive counts": (
        NegativeBinomialGLMMRegressor(FORMULA, variance="linear", truncated=True),
        "positive",
    ),
    "counts that vary by a factor": (GeneralizedPoissonGLMMRegressor(FORMULA, zero="1"), "zeros"),
    "counts of any dispersion": (ConwayMaxwellPoissonGLMMRegressor(FORMULA), "counts"),
    "amounts and zeros": (GammaGLMMRegressor(FORMULA, zero="z"), "amounts and zeros"),
    "sums of a known power": (TweedieGLMMRegressor(FORMULA, power=1.5), "amounts and zeros"),
    "outliers": (StudentTGLMMRegressor(FORMULA), "real"),
    "outliers of known tails": (StudentTGLMMRegressor(FORMULA, df=5), "real"),
    "any family": (GLMMRegressor(FORMULA, family=ZeroInflated(Poisson())), "zeros"),
    "long tails": (InverseGaussianGLMMRegressor(FORMULA), "amounts"),
    "logarithms": (LognormalGLMMRegressor(FORMULA), "amounts"),
    "durations": (GammaGLMMRegressor(FORMULA, link="inverse"), "durations"),
    "successes with zeros": (
        BinomialGLMMRegressor(FORMULA, trials=12, zero="1", n_quadrature=3),
        "successes",
    ),
    "overdispersed successes": (BetaBinomialGLMMRegressor(FORMULA, trials="n"), "successes"),
    "overdispersed successes with zeros": (
        BetaBinomialGLMMRegressor(FORMULA, trials="n", zero="1"),
        "successes and zeros",
    ),
    "ordered classes, restricted": (OrdinalGLMMClassifier(FORMULA, reml=True), "ratings"),
    "unordered classes, restricted": (MultinomialGLMMClassifier(FORMULA, reml=True), "ways"),
    "log link": (LMMRegressor(FORMULA, link="log", reml=False), "real"),
    "posterior means": (PoissonGLMMRegressor(FORMULA, predict_kind="posterior"), "counts"),
    "posterior classes": (
        BinomialGLMMClassifier(FORMULA, n_quadrature=5, predict_kind="posterior"),
        "labels",
    ),
    "with priors": (BinomialGLMMClassifier(FORMULA, priors="weak"), "labels"),
    "nested, by quadrature": (
        BinomialGLMMClassifier("x + (1 | g) + (1 | g:h)", n_quadrature=3),
        "labels",
    ),
}
NAMES = [*MODELS, *(pytest.param(name, marks=pytest.mark.slow) for name in RELATED)]


def null(model):
    return model.__class__(**{**model.get_params(), "formula": "1 + (1 | g)"})


class Case(NamedTuple):
    """A fitted model, the rows of its fit, and four others, of which two are of an unseen group."""

    model: Any
    X: pd.DataFrame
    y: np.ndarray

    @property
    def slope(self):
        """What the slope of x is called."""
        return next(name for name in self.model.vcov().columns if name in {"x", "car(x)"})

    @property
    def linear(self):
        """Which linear predictor is asked about."""
        return "car" if "car" in self.model.fit_.layout.predictors else None

    @property
    def new(self):
        return self.X.head(4).assign(g=["g00", "g01", "unseen", "unseen"])

    @property
    def new_y(self):
        return self.y[:4]


METHODS = {
    "summary": lambda c: c.model.summary(),
    "tidy": lambda c: c.model.tidy()["estimate"],
    "glance": lambda c: c.model.glance(),
    "vcov": lambda c: c.model.vcov("all"),
    "variance_components": lambda c: c.model.variance_components()["sd"],
    "random_effects": lambda c: c.model.random_effects()["std_error"],
    "group_coefficients": lambda c: c.model.group_coefficients()["estimate"],
    "predict_linear": lambda c: c.model.predict_linear(c.new, c.linear, return_std=True),
    "predict_interval": lambda c: c.model.predict_interval(c.new),
    "predict_interval of means": lambda c: c.model.predict_interval(c.new, kind="marginal"),
    "predict_interval of responses": lambda c: c.model.predict_interval(c.new, "response"),
    "predict_quantile": lambda c: c.model.predict_quantile(c.new, [0.1, 0.5, 0.9]),
    "predict_frame": lambda c: c.model.predict_frame(c.new),
    "sample_y": lambda c: c.model.sample_y(c.new, 3, random_state=0),
    "log_density": lambda c: c.model.log_density(c.new, c.new_y),
    "log_density jointly": lambda c: c.model.log_density(c.new, c.new_y, joint=True),
    "condition": lambda c: c.model.condition(c.new, c.new_y).predict_frame(c.new),
    "condition, and go on": lambda c: c.model.condition(c.new, c.new_y).log_density(c.new, c.new_y),
    "score": lambda c: c.model.score(c.X, c.y),
    "d2": lambda c: c.model.d2(c.X, c.y),
    "r2": lambda c: c.model.r2(c.X, c.y).to_frame(),
    "wald_test": lambda c: c.model.wald_test(f"{c.slope} = 0").p_value,
    "anova": lambda c: c.model.anova().to_frame(),
    "confint by wald": lambda c: c.model.confint(),
    "confint by sandwich": lambda c: c.model.confint(c.X, c.y, method="sandwich"),
    "confint by profile": lambda c: c.model.confint(c.X, c.y, method="profile", parameters=c.slope),
    "bootstrap": lambda c: c.model.bootstrap(c.X, c.y, n_replicates=3, random_state=0).to_frame(),
    "diagnose": lambda c: c.model.diagnose(c.X, c.y),
    "residuals": lambda c: [
        residuals(c.model, c.X, c.y, kind=kind, random_state=0)
        for kind in ("response", "pearson", "deviance", "quantile", "simulated")
    ],
    "quantile residuals": lambda c: [
        residuals(c.model, c.X, c.y, kind=kind, random_state=0)
        for kind in ("quantile", "simulated")
    ],
    "calibration": lambda c: calibration(c.model, c.X, c.y),
    "influence": lambda c: influence(c.model, c.X, c.y),
    "check_residuals": lambda c: check_residuals(c.model, c.X, c.y, random_state=0).residual,
    "GroupCalibrationDisplay": lambda c: GroupCalibrationDisplay.from_estimator(c.model, c.X, c.y),
    "PredictionDisplay": lambda c: PredictionDisplay.from_estimator(c.model, c.X, c.y, feature="x"),
    "ResidualDisplay": lambda c: ResidualDisplay.from_estimator(c.model, c.X, c.y),
    "DiagnosticsDisplay": lambda c: DiagnosticsDisplay.from_estimator(c.model, c.X, c.y),
    "RootogramDisplay": lambda c: RootogramDisplay.from_estimator(
        c.model, c.X, c.y, random_state=0
    ),
    "RandomEffectsDisplay": lambda c: RandomEffectsDisplay.from_estimator(c.model),
    "MarginalMeansDisplay": lambda c: MarginalMeansDisplay.from_estimator(
        c.model, c.X, by="x", at={"x": [-0.5, 0.5]}
    ),
    "CoefficientDisplay": lambda c: CoefficientDisplay.from_estimator(c.model, deviations=True),
    "ProfileDisplay": lambda c: ProfileDisplay.from_estimator(
        c.model, c.X, c.y, parameters=[c.slope]
    ),
    "compare": lambda c: compare(c.model, null(c.model).fit(c.X, c.y))["aic"],
    "likelihood_ratio_test": lambda c: (
        likelihood_ratio_test(null(c.model).fit(c.X, c.y), c.model).p_value
    ),
    "log_density_scorer": lambda c: log_density_scorer()(c.model, c.X, c.y),
}
PREDICTIONS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
NOT_OURS = {"get_params", "set_params", "get_metadata_routing", "fit"} | {
    f"set_{each}_request" for each in ("fit", "score", *PREDICTIONS)
}
# methods of some estimators alone, which have tests of their own
ELSEWHERE = {
    *PREDICTIONS,
    "predict_rate",
    "predict_cumulative",
    "predict_proba_zero",
    "predict_proba_boundary",
    "predict_boundary_frame",
    "cut_points",
    "equation",
    "smooth_terms",
    "curves",
}
# responses that count something, in hours or in trials
COUNTED = {"counts", "zeros", "positive", "successes", "successes and zeros"}
REFUSED = {
    **{
        (name, "RootogramDisplay"): "a rootogram is about counts"
        for name, (_, y) in {**MODELS, **RELATED}.items()
        if y not in COUNTED
    },
    **{
        (name, method): "differ in 'x'; refit both with reml=False"
        for name in {**MODELS, **RELATED}
        if name.endswith(", restricted")
        for method in ("compare", "likelihood_ratio_test")
    },
    ("classes", "predict_interval of responses"): "quantiles of y, which classes do not have",
    ("classes", "predict_quantile"): "quantiles of y, which classes do not have",
    ("classes, by quadrature", "predict_interval of responses"): "quantiles of y, which classes",
    ("classes, by quadrature", "predict_quantile"): "quantiles of y, which classes",
    **{
        (name, method): "quantiles of y, which classes"
        for name in ("unordered classes", "unordered classes, restricted")
        for method in ("predict_interval of responses", "predict_quantile")
    },
    **{
        (name, each): "needs the mean of y, .* 3 classes without an order"
        for name in ("unordered classes", "unordered classes, restricted")
        for each in (
            "predict_interval",
            "predict_interval of means",
            "predict_frame",
            "condition",
            "d2",
            "r2",
            "residuals",
            "PredictionDisplay",
            "ResidualDisplay",
            "DiagnosticsDisplay",
        )
    },
    **{
        (name, method): "quantiles of y, which classes do not have"
        for name in ("posterior classes", "with priors", "nested, by quadrature")
        for method in ("predict_interval of responses", "predict_quantile")
    },
    ("posterior means", "predict_interval of responses"): "no limits for kind='posterior'",
    ("posterior means", "predict_quantile"): "no quantiles for kind='posterior'",
    **{
        (name, method): "for kind='posterior', only predictions"
        for name in ("posterior means", "posterior classes")
        for method in ("predict_linear", "predict_interval", "predict_frame", "condition")
    },
    ("with priors", "compare"): "criteria of models with priors mean little",
    ("with priors", "likelihood_ratio_test"): "have priors, and there is no test",
}


class Cases(dict):
    """Cases by name, fitted when they are asked for."""

    def __missing__(self, name):
        (X, ys), (model, y) = simulated(), {**MODELS, **RELATED}[name]
        return self.setdefault(name, Case(model.fit(X, ys[y]), X, ys[y]))


@pytest.fixture(scope="module")
def cases():
    return Cases()


def has_gaps(answer):
    """Whether a number is missing; what prints and what is drawn has none."""
    if isinstance(answer, (tuple, list)):
        return any(map(has_gaps, answer))
    return isinstance(answer, (float, np.ndarray, pd.Series, pd.DataFrame)) and np.any(
        pd.isna(answer)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NAMES)
def test_it_answers_with_numbers_or_refuses_with_a_reason(cases, name, method):
    case = cases[name]
    if (name, method) in REFUSED:
        with pytest.raises((ValueError, UserWarning), match=REFUSED[name, method]):
            METHODS[method](case)
        return
    answer = METHODS[method](case)
    plt.close("all")
    assert answer is not None
    assert not has_gaps(answer)


def test_no_estimator_was_forgotten():
    asked = {type(model).__name__ for model, _ in (*MODELS.values(), *RELATED.values())}
    assert asked == set(skglmm.estimators.__all__)


def test_no_method_was_forgotten():
    called = "".join(inspect.getsource(sys.modules[__name__]).split("METHODS = {")[1:])
    for name in skglmm.estimators.__all__:
        kind = getattr(skglmm, name)
        own = {each for each, _ in inspect.getmembers(kind, inspect.isfunction)}
        own -= {each for each in own if each.startswith("_")} | NOT_OURS
        assert {each for each in own if f".{each}(" not in called} <= ELSEWHERE


def test_counts_have_whole_quantiles_and_means_with_limits_above_one(cases):
    case = cases["counts"]
    quantiles = case.model.predict_quantile(case.X, [0.05, 0.5, 0.95])
    assert_array_equal(quantiles, np.round(quantiles))
    assert case.model.predict_interval(case.X, kind="marginal").max() > 5
    assert case.model.predict_frame(case.X)["mean_ci_upper"].max() > 5


@pytest.mark.parametrize(
    ("name", "likelihood"),
    [
        ("classes", "Log likelihood: "),
        ("classes, by quadrature", r"Log likelihood \(adaptive quadrature, 5 points\): "),
        ("real, restricted", r"Restricted log likelihood \(REML\): "),
    ],
)
def test_summaries_name_the_likelihood_that_was_maximized(cases, name, likelihood):
    assert re.search(f"^{likelihood}", str(cases[name].model.summary()), re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["real", "real, restricted", "counts", "extra zeros", "hurdle", "classes"]
)
def test_nothing_is_said_of_bounds_and_precisions_that_are_not_there(cases, name):
    case = cases[name]
    texts = [case.model.summary(), case.model.diagnose(case.X, case.y), case.model.tidy()]
    for text in texts:
        assert not re.search(r"bound\b|bounds|precision", str(text))
