"""Planned studies: responses under assumptions, and how often they show what they are for."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, f, ncf
from sklearn.base import clone

import skglmm
from skglmm import (
    BinomialGLMMClassifier,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.covariance import EffectNames, Unstructured
from skglmm.families import Poisson
from skglmm.inference.parameters.assumed import theta_of
from skglmm.planning import extend, power, power_curve, simulate_study
from skglmm.planning.claims import read_claims
from skglmm.planning.power import wilson

FORMULA = "x + (1 | g)"
SHARED = {"Intercept": 0.3, "x": 0.5, "sd(Intercept | g)": 0.5}
TRIALS = {"trials": "n"}
# Of each estimator: its parameters, and the assumed values beside the shared ones.
MODELS = {
    "BetaBinomialGLMMRegressor": (TRIALS, {"precision": 8.0}),
    "BetaGLMMRegressor": ({}, {"precision": 20.0}),
    "BinomialGLMMClassifier": ({}, {}),
    "BinomialGLMMRegressor": (TRIALS, {}),
    "ConwayMaxwellPoissonGLMMRegressor": ({}, {"dispersion": 0.7}),
    "ExtendedBetaGLMMRegressor": ({}, {"precision": 10.0, "exceedance": 0.1}),
    "GLMMRegressor": ({"family": Poisson()}, {}),
    "GammaGLMMRegressor": ({}, {"dispersion": 0.4}),
    "GeneralizedPoissonGLMMRegressor": ({}, {"dispersion": 1.5}),
    "InverseGaussianGLMMRegressor": ({}, {"dispersion": 0.3}),
    "LMMRegressor": ({}, {"scale": 2.0}),
    "LognormalGLMMRegressor": ({}, {"scale": 0.7}),
    "MultinomialGLMMClassifier": ({}, {}),
    "NegativeBinomialGLMMRegressor": ({}, {"dispersion": 2.0}),
    "OneInflatedBetaGLMMRegressor": ({}, {"precision": 20.0, "one": 0.1}),
    "OrderedBetaGLMMRegressor": ({}, {"precision": 20.0, "lower_cut": -2.0, "cut_gap": 4.0}),
    "OrdinalGLMMClassifier": ({}, {"low|mid": -1.0, "mid|high": 1.0}),
    "PoissonGLMMRegressor": ({}, {}),
    "StudentTGLMMRegressor": ({}, {"scale": 1.0, "df": 5.0}),
    "TweedieGLMMRegressor": ({}, {"dispersion": 1.0, "power": 1.5}),
    "ZeroInflatedBetaGLMMRegressor": ({}, {"precision": 20.0, "zero": 0.1}),
    "ZeroOneInflatedBetaGLMMRegressor": ({}, {"precision": 20.0, "zero": 0.1, "one": 0.1}),
}
CLASSES = {
    "MultinomialGLMMClassifier": ["bus", "car", "walk"],
    "OrdinalGLMMClassifier": ["low", "mid", "high"],
}
OTHERS = {
    "MultinomialGLMMClassifier": {
        f"{kind}({name})": value
        for kind in ("car", "walk")
        for name, value in (("Intercept", 0.3), ("x", 0.5))
    }
    | {f"sd({kind}(Intercept) | g)": 0.5 for kind in ("car", "walk")},
    "OrdinalGLMMClassifier": {"x": 0.5, "sd(Intercept | g)": 0.5, "low|mid": -1.0, "mid|high": 1.0},
}


def rows(n_groups=40, n_rows=10):
    return pd.DataFrame(
        {
            "g": np.repeat(np.arange(n_groups), n_rows),
            "x": np.tile(np.linspace(-1, 1, n_rows), n_groups),
            "n": np.tile([5, 8], n_groups * n_rows // 2),
        }
    )


def study_of(name, design):
    options, more = MODELS[name]
    model = getattr(skglmm, name)(FORMULA, **options)
    assumed = OTHERS.get(name, SHARED | more)
    return simulate_study(model, design, assumed, classes=CLASSES.get(name)), assumed


def trial(n_clusters=10, n_rows=5, **changes):
    design = pd.DataFrame({"cluster": np.repeat(np.arange(n_clusters), n_rows)})
    design["arm"] = np.where(design["cluster"] % 2, "b", "a")
    assumed = {"Intercept": 10, "arm[T.b]": 2, "scale": 2, "sd(Intercept | cluster)": 0.6}
    return simulate_study(LMMRegressor("arm + (1 | cluster)"), design, assumed | changes)


def test_no_estimator_was_forgotten():
    assert set(MODELS) == {name for name in skglmm.__all__ if hasattr(getattr(skglmm, name), "fit")}


@pytest.mark.parametrize("name", MODELS)
def test_every_estimator_draws_responses_that_it_takes_from_what_is_assumed(name):
    study, assumed = study_of(name, rows(4, 6))
    assert study.parameters == pytest.approx(assumed, rel=1e-9)
    y = study.draw(3, random_state=0)
    assert y.shape == (24, 3)
    model = clone(study.model)
    scale = study.scale.of_type(y[:, 0])
    read = scale.read(model._column(y[:, 0]))
    assert np.isfinite(read).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_estimator_finds_what_was_assumed(name):
    design = rows(150, 20)
    study, assumed = study_of(name, design)
    model = clone(study.model).fit(design, study.draw(1, random_state=3)[:, 0])
    found = model.confint(level=0.9999)
    assert set(found.index) == set(assumed)
    for parameter, value in assumed.items():
        low, high = found.loc[parameter, ["conf_low", "conf_high"]]
        assert low < value < high


def test_draws_have_the_variances_and_correlations_that_are_assumed():
    design = rows(4, 2)
    assumed = {
        "Intercept": 1,
        "x": 2,
        "scale": 0.5,
        "sd(Intercept | g)": 2,
        "sd(x | g)": 3,
        "corr(Intercept, x | g)": -0.6,
    }
    study = simulate_study(LMMRegressor("x + (x | g)"), design, assumed)
    y = study.draw(20_000, random_state=0)
    Z = np.array([[1, -1], [1, 1]])
    block = Z @ [[4, -3.6], [-3.6, 9]] @ Z.T + 0.25 * np.eye(2)
    found = np.cov(y)
    assert found[:2, :2] == pytest.approx(block, rel=0.04)
    assert np.abs(found[:2, 2:]).max() < 0.5
    assert y.mean(axis=1) == pytest.approx(np.tile([-1.0, 3.0], 4), abs=0.1)


def test_covariances_are_found_from_standard_deviations_and_correlations():
    rng = np.random.default_rng(1)
    for size in (2, 3, 5):
        named = EffectNames("g", tuple("abcdef"[:size]))
        root = rng.standard_normal((size, size + 1))
        sigma = root @ root.T * 10.0 ** rng.uniform(-3, 3)
        basis = np.tril(rng.standard_normal((size, size))) + 3 * np.eye(size)
        sd = np.sqrt(np.diag(sigma))
        wanted = {named.sd(i): sd[i] for i in range(size)}
        for i, j in zip(*np.triu_indices(size, 1), strict=True):
            wanted[named.correlation(i, j)] = sigma[i, j] / sd[i] / sd[j]
        covariance = Unstructured(size)
        factor = basis @ covariance.factor(theta_of(covariance, basis, named, wanted))
        assert factor @ factor.T == pytest.approx(sigma, rel=1e-8, abs=1e-8 * sigma.max())


STRUCTURES = {
    "cs(1 + x | g)": {"sd(Intercept | g)": 1.0, "sd(x | g)": 2.0, "corr(Intercept, x | g)": -0.5},
    "ar1(0 + t | g)": {"sd(t | g)": 1.5, "rho(t | g)": 0.7},
    "ou(0 + t | g)": {"sd(t | g)": 1.5, "corr(t | g)": 0.7},
    "(1 | g) + (0 + x | g)": {"sd(Intercept | g)": 1.0, "sd(x | g)": 0.0},
}


@pytest.mark.parametrize("term", STRUCTURES)
def test_structures_have_the_parameters_that_are_assumed(term):
    design = rows(4, 4)
    design["t"] = np.tile(np.arange(4.0), 4)
    assumed = {"Intercept": 1.0, "scale": 0.5} | STRUCTURES[term]
    study = simulate_study(LMMRegressor(term), design, assumed)
    assert study.parameters == pytest.approx(assumed, rel=1e-10)


def test_variances_may_be_zero():
    design = rows(4, 2)
    assumed = {"Intercept": 1, "x": 2, "scale": 1, "sd(Intercept | g)": 2, "sd(x | g)": 0}
    study = simulate_study(LMMRegressor("x + (x | g)"), design, assumed)
    assert study.fit.lambdas[0] == pytest.approx(np.diag([2.0, 0.0]))
    again = study.with_rows(design)
    assert again.parameters["sd(x | g)"] == 0.0
    still = simulate_study(
        LMMRegressor("(1 | g)"), design, {"Intercept": 1, "scale": 1} | {"sd(Intercept | g)": 0}
    )
    assert np.all(still.fit.lambdas[0] == 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale": -2}, r"scale=-2 is none that it can be: expected a number in \(0, inf\)"),
        ({"sd(Intercept | cluster)": -1}, "no covariance has"),
        ({"sd(cluster)": 1}, r"'sd\(cluster\)' are none of the model; it has 'Intercept', 'arm"),
        ({"arm[T.b]": np.nan}, "must be finite"),
    ],
)
def test_assumptions_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        trial(**changes)


def test_what_is_missing_is_listed():
    with pytest.raises(ValueError, match=r"'scale', 'sd\(Intercept \| g\)' are missing"):
        simulate_study(LMMRegressor(FORMULA), rows(3, 2), {"Intercept": 1, "x": 2})
    with pytest.raises(ValueError, match="nearest"):
        simulate_study(
            LMMRegressor("x + (x | g)"),
            rows(3, 2),
            {"Intercept": 1, "x": 2, "scale": 1, "sd(Intercept | g)": 1, "sd(x | g)": 1}
            | {"corr(Intercept, x | g)": 1.2},
        )
    with pytest.raises(ValueError, match="classes="):
        simulate_study(OrdinalGLMMClassifier("x"), rows(3, 2), {"x": 1})
    thresholds = {"x": 1, "a|b": 1, "b|c": -1}
    with pytest.raises(ValueError, match="thresholds"):
        simulate_study(OrdinalGLMMClassifier("x"), rows(3, 2), thresholds, classes=list("abc"))
    with pytest.raises(ValueError, match="pilot study"):
        simulate_study(LMMRegressor("s(x)"), rows(6, 10), {"Intercept": 1})
    with pytest.raises(TypeError, match="expected a skglmm estimator"):
        simulate_study("x", rows(3, 2), {})


def test_a_fitted_model_keeps_what_is_not_changed():
    study = trial(**{"sd(Intercept | cluster)": 3.0})
    X = study.X
    model = LMMRegressor("arm + (1 | cluster)").fit(X, study.draw(1, random_state=1)[:, 0])
    planned = simulate_study(model, X)
    assert planned.parameters == pytest.approx(dict(model.confint()["estimate"]))
    changed = simulate_study(model, extend(X, 30, along="cluster"), {"arm[T.b]": 7, "scale": 3})
    expected = planned.parameters | {"arm[T.b]": 7.0, "scale": 3.0}
    assert changed.parameters == pytest.approx(expected)
    assert changed.draw(2, random_state=0).shape == (150, 2)
    assert "30 cluster" in str(changed)


def closed_power(n_clusters, n_rows, effect, sd, scale, alpha=0.05):
    """Power of a balanced trial of two arms of clusters, by the noncentral F distribution."""
    variance = 4.0 * (sd**2 + scale**2 / n_rows) / n_clusters
    df = n_clusters - 2
    return float(ncf.sf(f.isf(alpha, 1, df), 1, df, effect**2 / variance))


@pytest.mark.slow
def test_the_power_of_a_cluster_trial_is_that_of_the_formula():
    study = trial(12, 10, **{"arm[T.b]": 1.6, "sd(Intercept | cluster)": 1.0})
    found = power(study, "arm[T.b] = 0", df="kenward-roger", n_simulations=2000, n_jobs=2)
    low, high = wilson(int(found.shown.sum()), 2000, 0.9999)
    assert low < closed_power(12, 10, 1.6, 1.0, 2.0) < high


@pytest.mark.slow
@pytest.mark.parametrize("test", ["wald", "likelihood-ratio"])
def test_a_true_hypothesis_is_rejected_as_often_as_alpha_says(test):
    study = trial(40, 5, **{"arm[T.b]": 0.0})
    found = power(study, "arm[T.b] = 0", test=test, n_simulations=1000, random_state=5, n_jobs=2)
    assert str(found).startswith("Type-I error")
    low, high = wilson(int(found.shown.sum()), 1000, 0.999)
    assert low < 0.05 < high + 0.01


@pytest.mark.slow
def test_numbers_do_not_depend_on_the_number_of_workers():
    one, two = (
        power(trial(), "arm[T.b] = 0", n_simulations=7, random_state=3, n_jobs=n) for n in (1, 2)
    )
    assert np.array_equal(one.p_values, two.p_values)
    assert np.array_equal(one.estimates, two.estimates)
    assert str(one) == str(two)


@pytest.fixture(scope="module")
def found():
    return power(trial(), "arm[T.b] = 0", n_simulations=12, random_state=0)


def test_a_power_is_that_of_its_studies(found):
    study = trial()
    assert found.power == np.mean(found.p_values <= 0.05) == found.shown.mean()
    table = found.to_frame()
    assert table["assumed"].to_dict() == pytest.approx(study.parameters)
    assert table["bias"].to_numpy() == pytest.approx(table["estimate"] - table["assumed"])
    assert table.loc["arm[T.b]", "estimate"] == pytest.approx(found.contrasts[:, 0].mean())
    assert found.exaggeration == pytest.approx(np.abs(found.contrasts[found.shown, 0]).mean() / 2)
    assert found.wrong_sign == 0.0
    low, high = found.interval
    assert 0 < low < found.power < high <= 1
    assert "arm[T.b] = 0 is rejected by Wald's test at alpha = 0.05" in str(found)
    assert "<table" in found._repr_html_()


def test_wilsons_interval_is_that_of_the_textbook():
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, Table I
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_hypotheses_may_be_claims_smaller_models_and_functions(found):
    study, how = trial(), {"n_simulations": 4, "random_state": 0}
    sided = power(study, "arm[T.b] > 0", **how)
    positive = found.contrasts[:4, 0] > 0
    half = found.p_values[:4] / 2
    assert sided.p_values == pytest.approx(np.where(positive, half, 1 - half))
    both = power(study, ["arm[T.b] > -9", "arm[T.b] < 9"], **how)
    assert both.power == 1.0
    by_text = power(study, "arm = 0", test="likelihood-ratio", **how)
    by_model = power(study, LMMRegressor("(1 | cluster)"), **how)
    assert by_text.p_values == pytest.approx(by_model.p_values, rel=1e-4)
    asked = power(study, lambda model, X, y: bool(model.coef_[0] > 2), **how)
    assert np.array_equal(asked.shown, found.estimates[:4, 1] > 2)


def test_constraints_of_likelihood_ratios_may_have_values_and_several_coefficients():
    design = rows(6, 6)
    design["z"] = np.tile([0.0, 1.0, 3.0], 12)
    assumed = {"Intercept": 1.0, "x": 0.3, "z": 0.1, "sd(Intercept | g)": 0.2}
    study = simulate_study(PoissonGLMMRegressor("x + z + (1 | g)"), design, assumed)
    how = {"test": "likelihood-ratio", "n_simulations": 2, "random_state": 0}
    found = power(study, "x - z = 0.2", **how)
    design["offset"], design["both"] = 0.2 * design["x"], design["x"] + design["z"]
    moved = simulate_study(PoissonGLMMRegressor("x + z + (1 | g)"), design, assumed)
    smaller = PoissonGLMMRegressor("both + offset(offset) + (1 | g)")

    def ratio(model, X, y):
        fit = clone(smaller).fit(X, y)
        return float(chi2.sf(2 * (model.log_likelihood_ - fit.log_likelihood_), 1))

    expected = power(moved, ratio, n_simulations=2, random_state=0)
    assert found.p_values == pytest.approx(expected.p_values, rel=1e-4)


def test_studies_without_an_answer_show_nothing_and_are_told():
    design = pd.DataFrame({"x": np.tile([0.0, 1.0], 4)})
    study = simulate_study(BinomialGLMMClassifier("x"), design, {"Intercept": 0, "x": 3})
    found = power(study, "x = 0", n_simulations=30, random_state=0)
    assert found.n_failed > 0
    assert not found.shown[[bool(error) for error in found.errors]].any()
    assert f"{found.n_failed} of 30 studies have no answer" in str(found)


@pytest.mark.parametrize(
    ("hypothesis", "options", "message"),
    [
        ("arms = 0", {}, "arms"),
        ("arm[T.b] > 0, Intercept = 1", {}, "claims alone"),
        ("arm[T.b] > 0", {"test": "likelihood-ratio"}, "test='wald'"),
        ("arm = 0", {"test": "score"}, "score"),
        ("arm = 0", {"alpha": 5}, "alpha=5"),
        ("arm = 0", {"df": "many"}, "many"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused(hypothesis, options, message):
    with pytest.raises(ValueError, match=message):
        power(trial(), hypothesis, n_simulations=2, **options)


def test_a_wrong_type_is_refused():
    with pytest.raises(TypeError, match="simulate_study"):
        power(LMMRegressor("x"), "x = 0")
    with pytest.raises(TypeError, match="expected a text"):
        power(trial(), 5)
    with pytest.raises(TypeError, match="expected a p-value"):
        power(trial(), lambda model, X, y: "yes", n_simulations=2)
    with pytest.raises(TypeError, match="expected a p-value"):
        power(trial(), lambda model, X, y: 7.0, n_simulations=2)
    with pytest.raises(TypeError, match="expected a mapping"):
        trial().assuming([1.0, 2.0])


def test_a_study_that_never_has_an_answer_says_so():
    design = pd.DataFrame({"x": [0.0, 1.0] * 10})
    study = simulate_study(BinomialGLMMClassifier("x"), design, {"Intercept": -20, "x": 1})
    with pytest.raises(ValueError, match="of one class") as caught:
        power(study, "x = 0", n_simulations=2)
    assert caught.value.__notes__ == ["No study of 5 has an answer; this is why the last has none"]


def test_a_claim_is_about_one_coefficient():
    design = pd.DataFrame({"arm": list("abc") * 5})
    assumed = {"Intercept": 0, "arm[T.b]": 1, "arm[T.c]": 1, "scale": 1}
    study = simulate_study(LMMRegressor("arm"), design, assumed)
    with pytest.raises(ValueError, match="'arm' is of a term with 2 coefficients"):
        power(study, "arm > 0", n_simulations=2)


def test_signs_in_names_are_no_claims():
    assert read_claims("I(x > 1)[T.True] = 0") == []
    assert read_claims("`a > b` = 0") == []
    (claim,) = read_claims("2 * `a > b` - c(x, 2) >= -0.2")
    assert claim == ("2 * `a > b` - c(x, 2) = -0.2", 1.0)


def test_longer_designs_stay_balanced():
    design = pd.DataFrame({"school": list("aabbccdd"), "arm": [0] * 4 + [1] * 4, "pupil": range(8)})
    more = extend(design, 6, along="school", nested=["pupil"])
    assert more.groupby("arm")["school"].nunique().to_dict() == {0: 3, 1: 3}
    assert more["pupil"].is_unique
    assert more["school"].unique().tolist() == ["a", "b", "c", "d", "a (2)", "c (2)"]
    fewer = extend(design, 2, along="school")
    assert fewer["school"].tolist() == ["a", "a", "c", "c"]
    crossed = extend(design, 6, along="school", nested=["arm"])
    assert set(crossed["arm"]) == {0, 1}
    within = extend(design, 5, within="school", nested=["pupil"])
    assert (within.groupby("school").size() == 5).all()
    assert within["pupil"].is_unique
    categories = design.assign(school=pd.Categorical(design["school"]))
    assert extend(categories, 5, along="school")["school"].dtype.categories[-1] == "a (2)"
    with pytest.raises(TypeError, match="expected a DataFrame"):
        extend(design.to_numpy(), 2, along="school")
    with pytest.raises(ValueError, match="either along= or within="):
        extend(design, 2)
    with pytest.raises(ValueError, match="no column 'class'"):
        extend(design, 2, along="class")


def test_curves_have_a_row_for_each_study_and_a_picture():
    study = trial()
    curve = power_curve(
        study,
        "arm = 0",
        levels={"cluster": [6, 12]},
        parameters={"arm[T.b]": [0.0, 3.0]},
        n_simulations=4,
        random_state=0,
    )
    table = curve.to_frame()
    assert table["n_rows"].tolist() == [30, 30, 60, 60]
    assert table["power"].tolist() == [found.power for found in curve.powers]
    assert "n_rows" in str(curve)
    display = curve.plot()
    assert [len(line.get_xdata()) for line in display.lines_] == [2, 2]
    plt.close(display.figure_)
    short = power_curve(study, "arm = 0", rows={"cluster": [2]}, n_simulations=2, random_state=0)
    assert short.to_frame()["rows per cluster"].tolist() == [2]
    with pytest.raises(ValueError, match="names to lists"):
        power_curve(trial(), "arm = 0", levels={"cluster": 6})
    with pytest.raises(ValueError, match="nothing varies"):
        power_curve(study, "arm = 0")
