"""Degrees of freedom of linear mixed models against lmerTest and pbkrtest."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import t as student

from skglmm import BetaGLMMRegressor, LMMRegressor, PoissonGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.inference.degrees_of_freedom.satterthwaite import _joint

ANSWERS = json.loads((REFERENCE / "degrees_of_freedom.json").read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in ANSWERS["fits"]}
METHODS = {"Satterthwaite": "satterthwaite", "Kenward-Roger": "kenward-roger"}
SUMS = "C(a, contr.sum) * C(b, contr.sum) + x + (1 | g)"
FORMULAS = {
    "factorial": "a * b + x + (1 | g)",
    "sums": SUMS,
    "maximum likelihood": "a * b + x + (1 | g)",
    "crossed": "a + x + z + (x | g) + (1 | h)",
    "uncorrelated": "a + x + (x || g)",
    "nested": "a * x + z + (1 | g/k) + (1 | h)",
    "singular": "a * x + (x | g)",
    "empty cell": "a * b + x + (1 | g)",
    "empty first cell": "a * b + x + (1 | g)",
}
EMPTY = {"empty cell": ("r", "w"), "empty first cell": ("p", "u")}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def models():
    return {name: fitted(name) for name in FORMULAS}


def rows_of(name="factorial"):
    rows = pd.read_csv(REFERENCE / "simulated_factorial.csv")
    a, b = EMPTY.get(name, ("", ""))
    return rows[(rows["a"] != a) | (rows["b"] != b)]


def fitted(name):
    rows, y = rows_of(name), "plain" if name == "singular" else "y"
    model = LMMRegressor(FORMULAS[name], reml=name != "maximum likelihood")
    return model.fit(rows, rows[y])


def plain(term):
    """The name of a coefficient or a term as R has it, whatever is called first."""
    term = re.sub(r"C\((\w), contr.sum\)", r"\1", term).replace("Intercept", "(Intercept)")
    return ":".join(sorted(re.sub(r"\[T\.|\]", "", part) for part in term.split(":")))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "sums"])
def test_coefficients_have_the_degrees_of_freedom_of_r(models, name, method):
    expected = CASES[name]["coefficients"].get(method)
    if expected is None:
        pytest.skip("Kenward and Roger's are those of REML")
    table = models[name].summary(df=METHODS[method]).coefficients[0]
    kept = np.isfinite(table.std_error)
    order = [[plain(each) for each in table.names].index(plainly(t)) for t in expected["term"]]
    assert sorted(order) == np.flatnonzero(kept).tolist()
    assert_allclose(table.std_error[order], expected["std_error"], rtol=1e-5)
    assert_allclose(table.df[order], expected["df"], rtol=5e-4)
    assert_allclose(table.statistic[order], expected["t"], atol=1e-4)
    assert_allclose(table.p_value[order], expected["p_value"], rtol=1e-3, atol=1e-12)


def plainly(term):
    return ":".join(sorted(term.split(":")))


@pytest.mark.parametrize("kind", ["I", "II", "III"])
@pytest.mark.parametrize("name", FORMULAS)
def test_terms_are_tested_as_by_lmertest(models, name, kind):
    expected = [each for each in CASES[name]["tables"] if each["type"] == kind]
    assert expected
    for table in expected:
        found = models[name].anova(type=len(kind), df=METHODS[table["df_method"]]).to_frame()
        found = found.rename(index=plain).loc[[plainly(term) for term in table["term"]]]
        assert_array_equal(found["df"], table["num_df"])
        assert_allclose(found["statistic"], table["F"], rtol=1e-4)
        assert_allclose(found["df_denominator"], table["den_df"], rtol=5e-4)
        assert_allclose(found["sum_sq"], table["sum_sq"], rtol=1e-4)
        assert_allclose(found["p_value"], table["p_value"], rtol=1e-3)


@pytest.mark.parametrize("name", [name for name in FORMULAS if name not in {"sums", *EMPTY}])
def test_several_contrasts_are_tested_as_by_lmertest(models, name):
    model = models[name]
    names = CASES[name]["coefficients"]["Satterthwaite"]["term"]
    found = model.summary().coefficients[0].names
    order = [[plain(each) for each in found].index(plainly(term)) for term in names]
    weights = np.zeros((2, len(found) + 1))
    weights[0, order[1]] = weights[1, order[-1]] = 1.0
    for expected in CASES[name]["joint"]:
        test = model.wald_test((weights, [0.1, 0.2]), df=METHODS[expected["df_method"]])
        assert_allclose(test.statistic, expected["F"], rtol=1e-4)
        assert_allclose(test.df_denominator, expected["den_df"], rtol=5e-4)
        assert_allclose(test.p_value, expected["p_value"], rtol=1e-3)


def test_type_three_does_not_depend_on_the_coding(models):
    one, other = (models[name].anova().to_frame() for name in ("factorial", "sums"))
    assert_allclose(other.to_numpy(), one.loc[other.index.map(plain)].to_numpy(), rtol=1e-5)


def test_type_three_of_treatment_contrasts_is_not_the_test_of_their_coefficients(models):
    whole = models["factorial"].anova().to_frame().loc["a", "statistic"]
    assert abs(models["factorial"].wald_test("a = 0").statistic / whole - 1) > 0.1


def test_chi_square_tests_of_counts_are_those_of_sum_contrasts():
    rows = rows_of()
    model = PoissonGLMMRegressor("a * b + x + (1 | g)").fit(rows, rows["count"])
    found = model.anova().to_frame()
    for expected in ANSWERS["counts"]:
        term = found.loc[expected["term"]]
        assert term["df"] == expected["df"]
        assert_allclose(term["statistic"], expected["statistic"], rtol=1e-4)
        assert_allclose(term["p_value"], expected["p_value"], rtol=1e-3)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "residual", "between-within"])
def test_confidence_intervals_have_the_quantiles_of_t(models, df):
    model = models["crossed"]
    table = model.summary(df=df).coefficients[0]
    half = student.ppf(0.95, table.df) * table.std_error
    found = model.confint(level=0.9, df=df)
    tidy = model.tidy("fixed", level=0.9, df=df)
    for low in (found["conf_low"], tidy["conf_low"]):
        assert_allclose(low[: len(half)], table.estimate - half, rtol=1e-10)
    assert_allclose(tidy["df"][: len(half)], table.df)


def test_variances_and_the_scale_keep_their_normal_intervals(models):
    one, other = (models["crossed"].confint(df=df).iloc[5:] for df in ("satterthwaite", "normal"))
    assert_allclose(one.to_numpy(), other.to_numpy())
    assert one.index[0] == "scale"


def test_means_of_fixed_effects_have_the_degrees_of_freedom_of_their_own(models):
    model, rows = models["factorial"], rows_of().head(4)
    for df in METHODS.values():
        found = model.predict_frame(rows, kind="fixed", df=df)
        weights = np.zeros((4, model.fit_.shape.n_beta))
        weights[:, :-1] = model._spec.build(rows).fixed[0]
        half = (found["mean_ci_upper"] - found["mean"]) / found["mean_se"]
        dfs = [model.wald_test(row, df=df).df_denominator for row in weights]
        assert_allclose(half, student.ppf(0.975, dfs), rtol=1e-6)


def test_means_of_known_groups_have_normal_limits(models):
    rows = rows_of().head(4)
    one, other = (models["factorial"].predict_interval(rows, df=df) for df in ("auto", "normal"))
    assert_allclose(one, other)


def test_without_groups_all_methods_but_the_normal_are_those_of_least_squares():
    rows = rows_of()
    model = LMMRegressor("a * b + x").fit(rows, rows["y"])
    for df in ("auto", "kenward-roger", "residual", "between-within"):
        assert_allclose(model.summary(df=df).coefficients[0].df, len(rows) - 10, rtol=1e-4)


def test_degrees_of_freedom_between_and_within_groups_are_counted():
    rows = rows_of()
    model = LMMRegressor("x + z + (1 | g/k)").fit(rows, rows["y"])
    n_cells = rows.groupby(["g", "k"]).ngroups
    found = model.summary(df="between-within").coefficients[0].df
    assert_array_equal(found, [9 - 2, len(rows) - n_cells - 1, 9 - 2])


def test_degrees_of_freedom_between_groups_of_crossed_factors_and_other_families():
    rows = rows_of().assign(v=lambda rows: rows["h"].str[1:].astype(int) % 3)
    model = PoissonGLMMRegressor("x + z + v + (1 | g) + (1 | h)").fit(rows, rows["count"])
    table = model.summary(df="between-within").coefficients[0]
    assert_array_equal(table.df, [7, len(rows) - 14 - 1, 7, 14 - 9 - 1])
    assert_allclose(table.p_value, 2 * student.sf(abs(table.statistic), table.df))


def test_a_weight_of_two_is_the_row_twice():
    rows = rows_of()
    weights = 1 + np.arange(len(rows)) % 2
    twice = rows.loc[rows.index.repeat(weights)]
    one = LMMRegressor("a + x + (x | g) + (1 | h)").fit(rows, rows["y"], weights)
    other = LMMRegressor("a + x + (x | g) + (1 | h)").fit(twice, twice["y"])
    for df in METHODS.values():
        tables = [model.summary(df=df).coefficients[0] for model in (one, other)]
        assert_allclose(tables[0].df, tables[1].df, rtol=1e-4)
        assert_allclose(tables[0].std_error, tables[1].std_error, rtol=1e-5)


@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0.0), (1e5, -1e7)])
def test_the_units_of_responses_and_columns_do_not_matter(models, factor, shift):
    rows = rows_of().assign(x=lambda rows: 1e4 + 10 * rows["x"])
    other = LMMRegressor(FORMULAS["crossed"]).fit(rows, shift + factor * rows["y"])
    for df in METHODS.values():
        one, two = (m.summary(df=df).coefficients[0].df for m in (models["crossed"], other))
        assert_allclose(two[1:], one[1:], rtol=1e-3)


def test_methods_of_linear_mixed_models_are_refused_elsewhere(models):
    X, y = load_petrol(return_X_y=True)
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    for df in METHODS.values():
        with pytest.raises(ValueError, match="there are 'between-within', 'residual' and 'normal'"):
            model.summary(df=df)
    with pytest.raises(ValueError, match="fit with reml=True"):
        models["maximum likelihood"].anova(df="kenward-roger")
    with pytest.raises(ValueError, match="did you mean 'satterthwaite'"):
        model.wald_test("EP = 0", df="satterthwait")
    with pytest.raises(ValueError, match="type=4 is unknown, expected 3, 2 or 1"):
        model.anova(type=4)


@pytest.mark.parametrize("other", ["model", "data"])
def test_anova_of_a_second_model_or_of_data_says_what_compares_models(models, other):
    model = models["factorial"]
    with pytest.raises(TypeError, match="likelihood_ratio_test"):
        model.anova(model if other == "model" else rows_of(), "auto")


def test_more_rows_of_groups_leave_degrees_of_freedom_as_they_are(models):
    rows = rows_of().head(6).assign(g=["g0", "g0", "new", "new", "other", "g1"])
    model = models["factorial"]
    conditioned = model.condition(rows, rows["y"]).condition(rows.head(2), rows["y"].head(2))
    for df in (*METHODS.values(), "residual", "between-within"):
        one, other = (each.summary(df=df).coefficients[0] for each in (model, conditioned))
        assert_array_equal(other.df, one.df)
        assert_array_equal(other.std_error, one.std_error)


def test_a_conditioned_model_keeps_one_posterior(models):
    rows, model = rows_of().head(6), models["factorial"]
    before = model.condition(rows, rows["y"]).fit_.original
    assert before.posterior is before.effect_information is None
    assert before.equations is model.fit_.equations


def test_without_inference_there_are_no_degrees_of_freedom():
    rows = rows_of()
    model = LMMRegressor("x + (1 | g)", inference=False).fit(rows, rows["y"])
    assert np.isnan(model.summary().coefficients[0].df).all()
    for df in (*METHODS.values(), "residual", "between-within"):
        with pytest.raises(ValueError, match="fit with inference=True"):
            model.summary(df=df)
    with pytest.raises(ValueError, match="inference=False"):
        model.anova()


def test_a_term_that_was_dropped_has_no_test():
    rows = rows_of().assign(twice=lambda rows: 2 * rows["x"])
    model = LMMRegressor("x + a + twice + (1 | g)").fit(rows, rows["y"])
    found = model.anova().to_frame().loc["twice"]
    assert found["df"] == 0
    assert np.isnan(found["p_value"])
    assert str(model.anova()).splitlines()[-1].split() == ["twice", "-", "-", "0", "-", "-", "-"]


def test_without_fixed_effects_there_is_nothing_to_test():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"g": np.arange(60) // 6})
    model = LMMRegressor("0 + (1 | g)").fit(X, rng.normal(size=10)[X["g"]] + rng.normal(size=60))
    assert model.anova().to_frame().empty
    with pytest.raises(ValueError, match="this model has none"):
        model.tidy(df="satterthwaite")


def test_a_scale_that_varies_has_normal_tests():
    rows = rows_of()
    model = LMMRegressor("x + (1 | g)", scale="x").fit(rows, rows["y"])
    assert "df" not in model.tidy("fixed")
    assert model.fit_.equations is None


@pytest.mark.parametrize("df", ["auto", "normal"])
def test_long_tables_have_the_same_columns_whatever_their_rows(models, df):
    found = [models["factorial"].tidy(effects, df=df).columns for effects in ("fixed", "random")]
    assert list(found[0]) == list(found[1])
    assert ("df" in found[0]) == (df == "auto")


def test_tables_say_where_degrees_of_freedom_come_from(models):
    model = models["factorial"]
    assert "degrees of freedom: Satterthwaite" in str(model.summary())
    assert "degrees of freedom" not in str(model.summary(df="normal"))
    assert str(model.anova(df="kenward-roger")).startswith(
        "Type III tests, F, degrees of freedom: Kenward-Roger"
    )
    assert str(model.wald_test("x = 0")).startswith("F = ")
    assert "F" in model.anova()._repr_html_()


@pytest.mark.parametrize(
    ("single", "joint"), [((1.5, 9.0), 2.0), ((6.0, 6.0), 6.0), ((4.0, np.inf), 6.0)]
)
def test_degrees_of_freedom_of_several_contrasts_match_the_mean_of_f(single, joint):
    assert _joint(np.array(single)) == joint
