"""Tables in the words of broom: estimates, the fit in one row, coefficients of groups."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import norm

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    LMMRegressor,
    OrderedBetaGLMMRegressor,
    PoissonGLMMRegressor,
    SingularFitWarning,
)
from skglmm.families import LINKS

COLUMNS = (
    "effect component group level term estimate std_error statistic p_value conf_low conf_high"
).split()


def simulated(seed=4):
    """Rows of 12 ranges with 4 sites each; both have slopes, and the precision has a covariate."""
    rng = np.random.default_rng(seed)
    a, s = np.repeat(np.arange(12), 60), np.repeat(np.arange(48), 15)
    x, z = rng.normal(size=720), rng.normal(size=720)
    slopes = 0.4 + rng.normal(0, 0.4, 12)[a] + rng.normal(0, 0.3, 48)[s]
    eta = 0.2 + slopes * x + rng.normal(0, 0.8, 12)[a] + rng.normal(0, 0.5, 48)[s]
    phi = np.exp(2.0 + 0.3 * z)
    y = rng.beta(phi * expit(eta), phi * expit(-eta)).clip(1e-9, 1 - 1e-9)
    names = np.array([f"r{i:02d}" for i in range(12)], dtype=object)
    sites = np.array([f"s{i:02d}" for i in range(48)], dtype=object)
    return pd.DataFrame({"x": x, "z": z, "range": names[a], "site": sites[s]}), y


FORMULA = "x + z + (1 + x | range) + (1 + x | site)"


@pytest.fixture(scope="module")
def data():
    return simulated()


@pytest.fixture(scope="module")
def model(data):
    return BetaGLMMRegressor(FORMULA, precision="z").fit(*data)


# --- tidy -----------------------------------------------------------------------------------------


def test_the_columns_are_the_same_whatever_is_asked(model, data):
    plain = BetaGLMMRegressor("x").fit(*data)
    for table in (model.tidy(), model.tidy("fixed"), plain.tidy(), plain.tidy("modes")):
        assert list(table) == COLUMNS
    assert len(plain.tidy(("random", "modes"))) == 0


def test_the_rows_are_fixed_effects_then_variances_then_modes(model):
    table = model.tidy(("modes", "random", "fixed"))
    sizes = table.groupby("effect", sort=False).size()
    assert sizes.to_dict() == {"fixed": 5, "random": 6, "modes": 2 * 12 + 2 * 48}
    pd.testing.assert_frame_equal(table, model.tidy())
    fixed = table[table["effect"] == "fixed"]
    assert fixed["component"].to_list() == ["mean"] * 3 + ["precision"] * 2
    assert fixed["term"].to_list() == ["Intercept", "x", "z", "Intercept", "z"]
    assert fixed[["group", "level"]].isna().all(axis=None)


def test_the_fixed_rows_are_wald_statistics(model):
    table = model.tidy("fixed", level=0.9)
    assert_allclose(table["std_error"], np.sqrt(np.diag(model.vcov())))
    assert_allclose(table["statistic"], table["estimate"] / table["std_error"])
    assert_allclose(table["p_value"], 2 * norm.sf(np.abs(table["statistic"])))
    ends = model.confint(level=0.9).iloc[:5]
    assert_allclose(table["conf_low"], ends["conf_low"])
    assert_allclose(table["conf_high"], ends["conf_high"])


def test_the_random_rows_are_those_of_the_other_tables(model):
    table = model.tidy("random", level=0.9)
    assert table["group"].to_list() == ["range"] * 3 + ["site"] * 3
    assert table["term"].to_list() == ["sd(Intercept)", "sd(x)", "corr(Intercept, x)"] * 2
    long = table["term"].str[:-1] + " | " + table["group"] + ")"
    ends = model.confint(level=0.9).loc[long]
    errors = np.sqrt(np.diag(model.vcov("all").loc[long, long]))
    for name, expected in [*ends.items(), ("std_error", errors)]:
        assert_allclose(table[name], expected)
    assert table[["statistic", "p_value", "level"]].isna().all(axis=None)


def test_the_modes_have_the_uncertainty_of_the_estimates(model):
    table, effects = model.tidy("modes", level=0.9), model.random_effects()
    assert_array_equal(table[["group", "level", "term"]], effects[["group", "level", "effect"]])
    assert_allclose(table["estimate"], effects["mode"])
    assert_allclose(table["std_error"], effects["std_error"])
    reach = norm.ppf(0.95) * effects["std_error"]
    assert_allclose(table["conf_low"], effects["mode"] - reach)
    assert_allclose(table["conf_high"], effects["mode"] + reach)


def test_exponentiated_fixed_effects_keep_their_tests(model):
    ratios, table = model.tidy(exponentiate=True), model.tidy()
    fixed = table["effect"] == "fixed"
    for name in ("estimate", "conf_low", "conf_high"):
        assert_allclose(ratios.loc[fixed, name], np.exp(table.loc[fixed, name]))
    expected = table["std_error"] * np.exp(table["estimate"])  # the delta method
    assert_allclose(ratios.loc[fixed, "std_error"], expected[fixed])
    assert_allclose(ratios["p_value"], table["p_value"])
    pd.testing.assert_frame_equal(ratios[~fixed], table[~fixed])


def test_exponentials_beyond_all_numbers_are_infinite():
    rng = np.random.default_rng(6)
    X = pd.DataFrame({"concentration": 1e-9 * rng.gamma(2.0, 1.0, 80)})
    mu = expit(-1.0 + 6e8 * X["concentration"])
    model = BetaGLMMRegressor("concentration").fit(X, rng.beta(9.0 * mu, 9.0 * (1.0 - mu)))
    found = model.tidy("fixed", exponentiate=True).set_index("term").loc["concentration"]
    assert found["estimate"] == found["conf_low"] == found["conf_high"] == np.inf
    assert found["statistic"] > 5.0


def test_estimates_on_the_boundary_have_neither_error_nor_interval(data):
    X, y = data
    idle = X.assign(idle=np.resize(list("abcdefg"), len(X)))
    with pytest.warns(SingularFitWarning):
        model = BetaGLMMRegressor("x + (1 | range) + (1 | idle)").fit(idle, y)
    table = model.tidy("random")
    assert sorted(table["estimate"] == 0.0) == [False, True]
    zero = table["estimate"] == 0.0
    assert table.loc[zero, ["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert table.loc[~zero, ["std_error", "conf_low", "conf_high"]].notna().all(axis=None)


def test_without_inference_there_are_estimates_alone(data, model):
    quick = BetaGLMMRegressor(FORMULA, precision="z", inference=False).fit(*data)
    table = quick.tidy()
    # the optimizer stops a step earlier, within tol of the maximum
    assert_allclose(table["estimate"], model.tidy()["estimate"], atol=1e-4)
    assert table[COLUMNS[6:]].isna().all(axis=None)
    coefficients = quick.group_coefficients()
    assert_allclose(coefficients["estimate"], model.group_coefficients()["estimate"], atol=1e-4)
    assert coefficients["std_error"].isna().all()


def test_an_effect_that_does_not_exist_is_refused(model):
    with pytest.raises(ValueError, match=r"effects='mode' is unknown.*did you mean 'modes'"):
        model.tidy(("fixed", "mode"))
    with pytest.raises(ValueError, match="level=95"):
        model.tidy(level=95)


# --- glance ---------------------------------------------------------------------------------------


def test_a_glance_is_one_row(model):
    row = model.glance()
    names = "n_obs n_params log_likelihood aic aicc bic deviance converged singular".split()
    assert list(row) == names
    assert len(row) == 1
    k, value = model.n_params_, model.log_likelihood_
    assert_allclose(row["aicc"], -2 * value + 2 * k + 2 * k * (k + 1) / (720 - k - 1))
    assert_allclose(row["deviance"], -2 * value)
    assert (row["aic"].item(), row["bic"].item()) == (model.aic_, model.bic_)
    assert (row["n_obs"].item(), row["n_params"].item()) == (720, 11)
    assert row["converged"].item()
    assert not row["singular"].item()


def test_rows_hardly_more_than_parameters_have_an_infinite_aicc():
    X, y = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0]}), np.array([0.2, 0.4, 0.5, 0.9])
    assert BetaGLMMRegressor("x").fit(X, y).glance()["aicc"].item() == np.inf
    assert np.isfinite(BetaGLMMRegressor("1").fit(X, y).glance()["aicc"].item())


# --- coefficients of groups -----------------------------------------------------------------------


def coefficients(model, group, term):
    table = model.group_coefficients()
    return table[(table["group"] == group) & (table["term"] == term)].set_index("level")


@pytest.mark.parametrize("group", ["range", "site"])
def test_a_coefficient_is_the_fixed_effect_plus_the_mode_of_one_factor(model, group):
    effects = (
        model.random_effects()
        .query("group == @group")
        .pivot(index="level", columns="effect", values="mode")
    )
    fixed = dict(zip(["Intercept", "x"], [model.intercept_, model.coef_[0]], strict=True))
    for term, value in fixed.items():
        found = coefficients(model, group, term)["estimate"]
        assert_allclose(found, value + effects[term].loc[found.index])


def test_coefficients_that_do_not_vary_repeat_the_fixed_effect(model):
    fixed = model.tidy("fixed").query("component == 'mean' and term == 'z'")
    for group, n_levels in model.n_levels_.items():
        found = coefficients(model, group, "z")
        assert len(found) == n_levels
        assert_allclose(found["estimate"], fixed["estimate"].item())
        assert_allclose(found["std_error"], fixed["std_error"].item())


@pytest.mark.parametrize("group", ["range", "site"])
def test_standard_errors_are_those_of_the_linear_predictor_there(model, group):
    found = coefficients(model, group, "Intercept")
    rows = pd.DataFrame({group: found.index, "x": 0.0, "z": 0.0})
    mean, error = model.predict_linear(rows, kind={group}, return_std=True)
    assert_allclose(found["estimate"], mean)
    assert_allclose(found["std_error"], error)


def test_standard_errors_of_slopes_are_those_of_a_linear_predictor_without_intercept(data):
    X, y = data
    model = BetaGLMMRegressor("0 + x + (0 + x | range)").fit(X, y)
    found = coefficients(model, "range", "x")
    rows = pd.DataFrame({"range": found.index, "x": 1.0})
    mean, error = model.predict_linear(rows, return_std=True)
    assert_allclose(found["estimate"], mean)
    assert_allclose(found["std_error"], error)


def test_standard_errors_of_slopes_follow_from_those_of_three_predictors(model):
    """Var(b) from Var(a), Var(a + b) and Var(a - b)."""
    found = coefficients(model, "range", "x")

    def variance(x):
        rows = pd.DataFrame({"range": found.index, "x": x, "z": 0.0})
        return model.predict_linear(rows, kind={"range"}, return_std=True)[1] ** 2

    expected = (variance(1.0) + variance(-1.0)) / 2 - variance(0.0)
    assert_allclose(found["std_error"] ** 2, expected)


def test_effects_without_a_fixed_one_are_the_random_effect_alone(data):
    X, y = data
    model = BetaGLMMRegressor("1 + (1 + x | range)").fit(X, y)
    found, effects = coefficients(model, "range", "x"), model.random_effects()
    slopes = effects[effects["effect"] == "x"]
    assert_allclose(found["estimate"], slopes["mode"])
    assert_allclose(found["std_error"], slopes["std_error"])


def test_without_random_effects_there_are_no_groups(data):
    table = BetaGLMMRegressor("x").fit(*data).group_coefficients()
    assert list(table) == ["group", "level", "term", "estimate", "std_error"]
    assert len(table) == 0


def test_dropped_columns_have_no_standard_error(data):
    X, y = data
    with pytest.warns(UserWarning, match="dropped from the mean: 'w'"):
        model = BetaGLMMRegressor("x + w + (1 | range)").fit(X.assign(w=2 * X["x"]), y)
    assert coefficients(model, "range", "w")["std_error"].isna().all()
    assert coefficients(model, "range", "x")["std_error"].notna().all()


def test_the_levels_are_told_apart_in_frames_of_many_terms(model):
    table = model.group_coefficients()
    assert not table.duplicated(["group", "level", "term"]).any()
    assert len(table) == 3 * (12 + 48)


# --- summary --------------------------------------------------------------------------------------


class Tables(HTMLParser):
    """Tables of a page as lists of rows of cells; demands that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tables = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"th", "td"}:
            self.tables[-1][-1].append(data)


def test_the_summary_has_every_predictor_and_every_term(model):
    text = str(model.summary())
    assert "Fixed effects of the mean, logit scale" in text
    assert "Fixed effects of the precision, log scale" in text
    assert re.search(r"range \(12\) +Intercept +\S+ +\S+\n +x +\S+ +\S+ +-?0\.\d{3}\n", text)
    assert re.search(r"site \(48\) +Intercept +\S+ +\S+\n +x +\S+ +\S+ +-?0\.\d{3}\n", text)
    assert re.search(r"AIC: -?\d+\.\d+; BIC: -?\d+", text)


def test_the_summary_in_html_has_the_numbers_of_the_text(model):
    page = Tables()
    page.feed(model.summary()._repr_html_())
    page.close()
    assert page.open == []
    variances, mean, precision = page.tables
    assert [len(table) for table in page.tables] == [5, 4, 3]
    assert [row[0] for row in mean[1:]] == ["Intercept", "x", "z"]
    lines = [" ".join(line.split()) for line in str(model.summary()).splitlines()]
    for row in [*mean, *precision, *variances]:
        assert " ".join(row) in lines


def test_the_summary_says_why_there_are_no_standard_errors(data):
    X, y = data
    quick = BetaGLMMRegressor("x + (1 | range)", inference=False).fit(X, y)
    full = BetaGLMMRegressor("x + (1 | range)").fit(X, y)
    assert "there are no standard errors: the model was fitted with inference=False" in str(
        quick.summary()
    )
    assert "no standard errors" not in str(full.summary())


def test_the_summary_names_the_offset(data):
    X, y = data
    model = BetaGLMMRegressor("x + (1 | range)", offset="z").fit(X, y)
    assert "the column 'z' is an offset of the mean" in str(model.summary())


# Exponentiated effects


def of_link(link, precision="x"):
    rng = np.random.default_rng(71)
    X = pd.DataFrame({"x": rng.normal(size=200)})
    mean = LINKS[link].inverse(0.3 + 0.4 * X["x"].to_numpy())
    y = np.clip(rng.beta(5 * mean.value, 5 * mean.complement), 1e-6, 1 - 1e-6)
    return BetaGLMMRegressor("x", link=link, precision=precision).fit(X, y)


@pytest.mark.parametrize(
    ("link", "scale"),
    [
        ("logit", lambda mean: mean / (1 - mean)),
        ("cloglog", lambda mean: np.log(1 - mean)),
        ("loglog", lambda mean: 1 / np.log(mean)),
    ],
)
def test_exponentiated_effects_are_ratios_of_what_the_link_says(link, scale):
    model = of_link(link)
    low, high = model.predict(pd.DataFrame({"x": [0.0, 1.0]}))
    table = model.tidy("fixed", exponentiate=True).set_index(["component", "term"])["estimate"]
    assert_allclose(table["mean", "x"], scale(high) / scale(low))
    log_precision = model.predict_linear(pd.DataFrame({"x": [0.0, 1.0]}), "precision")
    assert_allclose(table["precision", "x"], np.exp(np.diff(log_precision)[0]))


@pytest.mark.parametrize("link", ["probit", "cauchit"])
def test_effects_that_are_no_ratios_are_not_exponentiated(link):
    model = of_link(link, precision="1")
    with pytest.raises(ValueError, match=f"effects on the mean are on the {link} scale"):
        model.tidy(exponentiate=True)
    assert len(model.tidy("random", exponentiate=True)) == 0


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        (LMMRegressor("x"), "link='log' for ratios of the parameter"),
        (PoissonGLMMRegressor("x", link="sqrt"), "link='log' for ratios of the parameter"),
        (BinomialGLMMClassifier("x", link="probit"), "link='logit' for ratios of odds"),
    ],
)
def test_a_link_with_ratios_is_named_that_the_model_has(model, advice):
    X = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    y = [0, 1, 0, 1, 0, 1] if hasattr(model, "predict_proba") else [1, 2, 4, 3, 6, 5]
    with pytest.raises(ValueError, match=advice):
        model.fit(X, y).tidy(exponentiate=True)


def test_a_cut_point_is_not_exponentiated_and_a_gap_is():
    X = pd.DataFrame({"x": np.random.default_rng(72).normal(size=300)})
    y = np.clip(np.random.default_rng(73).beta(2, 2, 300) * 1.4 - 0.2, 0, 1)
    model = OrderedBetaGLMMRegressor("x").fit(X, y)
    table = model.tidy("fixed", exponentiate=True).set_index("component")["estimate"]
    assert_allclose(table["lower_cut"], model.cut_points_[0])
    assert_allclose(table["cut_gap"], np.diff(model.cut_points_)[0])
