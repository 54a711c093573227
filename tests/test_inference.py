"""Wald statistics, random effects and the summary, as functions of a fit."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from skglmm import BetaGLMMRegressor
from skglmm.covariance import BlockDiagonal, Diagonal, Unstructured
from skglmm.design import Term, learn
from skglmm.families import Beta
from skglmm.inference import (
    coefficient_tables,
    intervals,
    likeness,
    notes,
    pearson_residuals,
    random_effects,
    summarize,
    variance_components,
    vcov,
)
from skglmm.inference.parameters.delta import posterior_blocks


def reference_data():
    """Rows whose glmmTMB fits are known, see below."""
    rng = np.random.default_rng(1)
    code = np.repeat(np.arange(24), 20)
    x = rng.normal(size=480)
    b, s = rng.normal(0, 0.7, 24), rng.normal(0, 0.3, 24)
    mu = expit(0.3 + 0.5 * x + b[code] + s[code] * x)
    y = rng.beta(8 * mu, 8 * (1 - mu)).clip(1e-6, 1 - 1e-6)
    return pd.DataFrame({"x": x, "z": np.cos(3 * x), "g": code}), y


@pytest.fixture(scope="module")
def fitted():
    frame, y = reference_data()
    formulas = {
        "intercept": "x + (1 | g)",
        "independent": "x + (1 | g) + (0 + x | g)",
        "slope": "x + (x | g)",
        "three": "x + (1 + x + z | g)",
    }
    return {name: BetaGLMMRegressor(text).fit(frame, y) for name, text in formulas.items()}


# --- glmmTMB's numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "log_likelihood", "beta", "se", "sd", "phi"),
    [
        ("intercept", 188.3744, [0.38336, 0.51390], [0.14052, 0.04154], [0.66693], 6.8468),
        (
            "independent",
            215.2399,
            [0.38568, 0.51805],
            [0.14451, 0.08142],
            [0.68961, 0.34781],
            8.3897,
        ),
        ("slope", 215.4689, [0.38384, 0.51719], [0.14444, 0.08148], [0.68918, 0.34804], 8.3881),
    ],
)
def test_estimates_and_standard_errors_are_those_of_glmmtmb(
    fitted, name, log_likelihood, beta, se, sd, phi
):
    model = fitted[name]
    assert_allclose(model.log_likelihood_, log_likelihood, atol=1e-4)
    table = coefficient_tables(model.fit_)[0]
    assert_allclose(table.estimate, beta, atol=2e-5)
    assert_allclose(table.std_error, se, atol=2e-5)
    assert_allclose(model.variance_components()["sd"], sd, atol=2e-5)
    assert_allclose(model.confint().loc["precision", "estimate"], phi, rtol=2e-5)


def test_the_interval_of_a_standard_deviation_is_that_of_glmmtmb(fitted):
    interval = fitted["intercept"].confint().loc["sd(Intercept | g)"]
    assert_allclose(interval[["conf_low", "conf_high"]], [0.4926, 0.9030], atol=1e-4)


def test_the_correlation_is_that_of_glmmtmb(fitted):
    components = fitted["slope"].variance_components()
    assert_allclose(components["corr"], [np.nan, -0.1633], atol=1e-4)
    assert "corr(Intercept, x | g)" in fitted["slope"].confint().index


def test_variance_components_have_their_columns_in_the_order_of_their_use(fitted):
    columns = "group effect sd sd_std_error variance corr n_levels".split()
    assert list(fitted["slope"].variance_components().columns) == columns
    assert list(fitted["three"].variance_components().columns) == [
        *columns[:6],
        "corr_2",
        "n_levels",
    ]


def test_blocks_of_one_factor_are_counted(fitted):
    table = fitted["independent"].variance_components()
    assert list(table.columns[:3]) == ["group", "block", "effect"]
    assert table["block"].tolist() == [1, 2]


def test_intervals_take_data_that_wald_ignores(fitted):
    model, frame_and_y = fitted["slope"], reference_data()
    assert model.confint(*frame_and_y).equals(model.confint())
    assert model.confint(*frame_and_y, level=0.5, method="wald").equals(model.confint(level=0.5))
    with pytest.raises(ValueError, match=r"method='profil' is unknown.*did you mean 'profile'"):
        model.confint(*frame_and_y, method="profil")


@pytest.mark.parametrize("first", [0.9, "profile"])
def test_a_level_or_a_method_in_the_place_of_rows_is_refused(fitted, first):
    with pytest.raises(TypeError, match=rf"X='?{first}'? are no rows; .* confint\(level=0.9\)"):
        fitted["slope"].confint(first)


def test_independent_effects_have_no_correlation(fitted):
    assert fitted["independent"].variance_components()["corr"].isna().all()
    assert not any(name.startswith("corr") for name in fitted["independent"].confint().index)


# --- the delta method -----------------------------------------------------------------------------


def natural(fit, vector):
    """Natural parameters of (beta, theta), through the definitions."""
    n_beta = sum(map(len, fit.beta))
    out, start = list(vector[:n_beta]), n_beta
    for factor, basis in zip(fit.layout.factors, fit.bases, strict=True):
        theta = vector[start : start + factor.covariance.n_params]
        start += factor.covariance.n_params
        root = basis @ factor.covariance.factor(theta)
        sigma = root @ root.T
        sd = np.sqrt(np.diag(sigma))
        column = 0
        for size in factor.terms:
            part = range(column, column + size)
            column += size
            out += [sd[i] for i in part]
            pairs = [(i, j) for i in part for j in part if i < j]
            out += [sigma[i, j] / sd[i] / sd[j] for i, j in pairs]
    return np.array(out)


@pytest.mark.parametrize("name", ["intercept", "independent", "slope", "three"])
def test_covariances_are_those_of_differenced_natural_parameters(fitted, name):
    fit = fitted[name].fit_
    vector = np.concatenate([*fit.beta, *fit.theta])
    steps = 1e-6 * np.eye(len(vector))
    jacobian = np.array(
        [(natural(fit, vector + h) - natural(fit, vector - h)) / 2e-6 for h in steps]
    ).T
    result = vcov(fit, "all")
    assert len(result.names) == len(jacobian)
    expected = jacobian @ fit.covariance @ jacobian.T
    assert_allclose(result.matrix, expected, rtol=1e-5, atol=1e-9)
    assert_allclose(vcov(fit).matrix, result.matrix[:3, :3])


def test_standard_errors_agree_everywhere(fitted):
    model = fitted["slope"]
    table = model.vcov("all")
    components = variance_components(model.fit_)[0]
    assert_allclose(components.sd_std_error[1] ** 2, table.loc["sd(x | g)", "sd(x | g)"])
    name = "corr(Intercept, x | g)"
    assert_allclose(components.correlation_std_error[0, 1] ** 2, table.loc[name, name])
    errors = [table.std_error for table in coefficient_tables(model.fit_)]
    assert_allclose(np.concatenate(errors) ** 2, np.diag(model.vcov()))


def test_intervals_are_built_on_scales_without_bounds(fitted):
    model = fitted["slope"]
    table, variances = model.confint(level=0.9), model.vcov("all")
    q = 1.6448536269514722
    sd = table.loc["sd(x | g)"]
    half = q * np.sqrt(variances.loc["sd(x | g)", "sd(x | g)"]) / sd["estimate"]
    assert_allclose(np.log(sd["conf_high"] / sd["estimate"]), half)
    name = "corr(Intercept, x | g)"
    corr = table.loc[name]
    half = q * np.sqrt(variances.loc[name, name]) / (1 - corr["estimate"] ** 2)
    assert_allclose(np.arctanh(corr["conf_low"]), np.arctanh(corr["estimate"]) - half)
    phi = table.loc["precision"]
    error = np.sqrt(variances.loc["precision(Intercept)", "precision(Intercept)"])
    assert_allclose(np.log(phi["conf_low"]), np.log(phi["estimate"]) - q * error)
    beta = table.loc["x"]
    assert_allclose(beta["conf_low"], beta["estimate"] - q * np.sqrt(variances.loc["x", "x"]))


def test_statistics_are_estimates_over_errors(fitted):
    table = coefficient_tables(fitted["slope"].fit_)[0]
    assert_allclose(table.statistic, table.estimate / table.std_error)
    assert 0.0 < table.p_value[0] < 0.05


def test_a_precision_formula_keeps_the_log_scale():
    frame, y = reference_data()
    model = BetaGLMMRegressor("x + (1 | g)", precision="z").fit(frame, y)
    assert model.confint().index[2:4].tolist() == ["precision(Intercept)", "precision(z)"]


# --- the boundary ---------------------------------------------------------------------------------


def at_boundary(fit, theta):
    """The same fit with other covariance parameters; those at zero have no variance."""
    factor, basis = fit.layout.factors[0], fit.bases[0]
    covariance, held = fit.uncertainty.covariance.copy(), fit.uncertainty.held.copy()
    lost = len(covariance) - len(theta) + np.flatnonzero(np.array(theta) == 0)
    covariance[lost] = covariance[:, lost] = 0.0
    held[lost] = True
    uncertainty = replace(fit.uncertainty, covariance=covariance, held=held)
    root = basis @ factor.covariance.factor(np.array(theta))
    return replace(fit, theta=(np.array(theta),), lambdas=(root,), uncertainty=uncertainty)


def test_a_standard_deviation_of_zero_has_neither_error_nor_interval(fitted):
    fit = at_boundary(fitted["intercept"].fit_, [0.0])
    component = variance_components(fit)[0]
    assert component.sd.tolist() == [0.0]
    assert np.isnan(component.sd_std_error).all()
    result = intervals(fit)
    assert np.isnan(result.low[-1])
    assert np.isnan(result.high[-1])
    assert np.isfinite(result.low[:-1]).all()


def test_a_correlation_of_one_has_neither_error_nor_interval_and_the_rest_has(fitted):
    fit = at_boundary(fitted["slope"].fit_, [0.7, 0.3, 0.0])
    component = variance_components(fit)[0]
    assert_allclose(component.correlation[0, 1], 1.0)
    assert np.isnan(component.correlation_std_error[0, 1])
    assert np.isfinite(component.sd_std_error).all()
    result = intervals(fit)
    assert np.isnan(result.low[result.names.index("corr(Intercept, x | g)")])


def test_an_effect_without_variance_has_no_correlation(fitted):
    fit = at_boundary(fitted["slope"].fit_, [0.7, 0.0, 0.0])
    fit = replace(fit, lambdas=(np.array([[0.7, 0.0], [0.0, 0.0]]),))
    assert np.isnan(variance_components(fit)[0].correlation[0, 1])
    assert np.isnan(intervals(fit).estimate[-1])


def test_without_inference_there_are_estimates_and_no_errors():
    frame, y = reference_data()
    model = BetaGLMMRegressor("x + (x | g)", inference=False).fit(frame, y)
    components = model.variance_components()
    assert components["sd"].notna().all()
    assert components["sd_std_error"].isna().all()
    assert np.isnan(coefficient_tables(model.fit_)[0].std_error).all()
    with pytest.raises(ValueError, match="inference=True"):
        model.vcov()
    with pytest.raises(ValueError, match="inference=True"):
        model.confint()


# --- random effects -------------------------------------------------------------------------------


def test_random_effects_come_by_level_and_effect(fitted):
    model = fitted["slope"]
    table = model.random_effects()
    names = ["group", "level", "effect", "mode", "std_dev", "std_error"]
    assert table.columns.tolist() == names
    assert table["effect"].tolist()[:4] == ["Intercept", "x", "Intercept", "x"]
    assert table["level"].tolist()[:4] == ["0", "0", "1", "1"]
    assert_allclose(table["mode"], model.fit_.modes(0).T.ravel())
    levels = np.arange(model.fit_.u[0].shape[1])
    variances = posterior_blocks(model.fit_, 0, 0, levels, levels)[[0, 1], [0, 1]]
    assert_allclose(table["std_dev"], np.sqrt(variances).T.ravel())


def test_modes_shrink_less_where_they_are_better_known(fitted):
    effects = random_effects(fitted["intercept"].fit_)[0]
    sd = fitted["intercept"].variance_components()["sd"][0]
    assert (effects.std_dev > 0).all()
    assert (effects.std_dev < sd).all()
    assert (effects.std_error > effects.std_dev).all()


def test_a_model_without_random_effects_has_empty_tables():
    frame, y = reference_data()
    model = BetaGLMMRegressor("x").fit(frame, y)
    assert model.random_effects().shape == (0, 6)
    assert model.variance_components().shape[0] == 0
    assert "Random effects" not in str(model.summary())


# --- tables and the summary -----------------------------------------------------------------------


def test_larger_terms_have_a_column_for_each_earlier_effect(fitted):
    components = fitted["three"].variance_components()
    assert components["effect"].tolist() == ["Intercept", "x", "z"]
    known = components[["corr", "corr_2"]].notna().to_numpy()
    assert known.tolist() == [[False, False], [True, False], [True, True]]
    confint = fitted["three"].confint()["estimate"]
    assert_allclose(components["corr_2"][2], confint["corr(x, z | g)"])


def test_the_summary_reads_like_a_report(fitted):
    text = str(fitted["slope"].summary())
    for fragment in (
        "Beta mixed regression of a response on (0, 1)",
        "Formula: 1 + x + (1 + x | g)",
        "Rows: 480; levels: g 24",
        "Log likelihood: 215.4689 (6 parameters); AIC: -418.9",
        "-0.163",
        "Fixed effects of the mean, logit scale",
        "std. error",
        "precision    8.3881",
    ):
        assert fragment in text
    assert "dispersion" not in text.lower()
    assert "Notes" not in text
    assert text.endswith(f"Converged in {fitted['slope'].n_iter_} iterations")


def test_the_summary_is_what_a_prompt_shows(fitted):
    summary = fitted["slope"].summary()
    assert repr(summary) == str(summary)
    with pytest.raises(FrozenInstanceError):
        summary.n_samples = 3


def test_a_summary_without_convergence_does_not_claim_it(fitted):
    fit = replace(fitted["slope"].fit_, converged=False)
    summary = summarize(fit, "1 + x + (1 + x | g)")
    assert "Converged" not in str(summary) + summary._repr_html_()
    assert "did not converge" in str(summary)
    assert "Converged in" in fitted["slope"].summary()._repr_html_()


def test_the_summary_has_its_numbers_as_fields(fitted):
    summary = fitted["slope"].summary()
    assert summary.n_samples == 480
    assert summary.n_levels == {"g": 24}
    assert summary.family == "Beta"
    assert summary.links == {"mean": "logit", "precision": "log"}
    assert_allclose(summary.levels["precision"][0], 8.3881, rtol=1e-4)


def test_the_summary_shows_as_html_with_names_escaped():
    frame, y = reference_data()
    frame["a<b"] = frame["z"]
    html = BetaGLMMRegressor("`a<b` + (1 | g)").fit(frame, y).summary()._repr_html_()
    assert html.count("<table>") == 3
    assert "a&lt;b" in html
    assert "a<b" not in html


def test_a_healthy_fit_has_no_notes(fitted):
    assert notes(fitted["slope"].fit_) == ()


@pytest.mark.parametrize(
    ("change", "kind", "fragment"),
    [
        ({"converged": False}, "convergence", "did not converge"),
        ({"singular": ("the correlation of a and b is 1",)}, "singular", "of a and b is 1"),
        ({"aliased": ((1,), ())}, "aliased", "'x'"),
        ({"capped": ("precision",)}, "capped", f"largest value, {Beta().ceilings[1]:g} on"),
    ],
)
def test_a_finding_becomes_a_note(fitted, change, kind, fragment):
    found = notes(replace(fitted["slope"].fit_, **change))
    assert [note.kind for note in found] == [kind]
    assert fragment in found[0].text


def test_covariances_of_a_layout_know_their_blocks(fitted):
    factor = fitted["independent"].fit_.layout.factors[0]
    assert factor.covariance == BlockDiagonal((Unstructured(1), Unstructured(1)))
    frame, y = reference_data()
    diagonal = BetaGLMMRegressor("x + (x || g)").fit(frame, y)
    assert diagonal.fit_.layout.factors[0].covariance == Diagonal(2)
    assert_allclose(
        diagonal.vcov("all").to_numpy(),
        fitted["independent"].vcov("all").to_numpy(),
        rtol=1e-3,
        atol=1e-7,
    )


# --- likeness -------------------------------------------------------------------------------------


def test_likeness_is_the_intraclass_correlation_of_pairs():
    residuals = np.array([1.0, 2.0, -1.0, -3.0, 0.5, 0.5])
    cells = np.array([0, 0, 1, 1, 1, 2])
    pairs = 2 * (1 * 2 + (-1 * -3) + (-1 * 0.5) + (-3 * 0.5)) / (2 + 6)
    assert_allclose(likeness(residuals, cells)[0], pairs / np.mean(residuals**2))


def test_likeness_of_independent_residuals_is_standard():
    rng = np.random.default_rng(0)
    cells = np.repeat(np.arange(200), 5)
    sure = [likeness(rng.normal(size=1000), cells)[1] for _ in range(300)]
    assert abs(np.mean(sure)) < 0.2
    assert 0.85 < np.std(sure) < 1.15


def test_pearson_residuals_are_in_standard_deviations():
    frame, y = reference_data()
    model = BetaGLMMRegressor("x + (1 | g)").fit(frame, y)
    _, design = learn(frame, {"mean": "1 + x", "precision": "1"}, [Term("1", ("g",))])
    mean, std = model.predict(frame, return_std=True)
    assert_allclose(pearson_residuals(model.fit_, design, y), (y - mean) / std)


def test_cells_of_one_row_have_no_likeness():
    assert likeness(np.array([1.0, -1.0]), np.array([0, 1])) == (0.0, 0.0)


def test_a_covariate_that_is_called_as_a_parameter_keeps_its_name():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"precision": rng.normal(size=60)})
    model = BetaGLMMRegressor("precision").fit(X, rng.beta(2.0, 3.0, 60))
    assert list(model.confint().index) == ["Intercept", "precision", "precision(Intercept)"]
    assert len(model.confint(parameters=["precision"])) == 1
