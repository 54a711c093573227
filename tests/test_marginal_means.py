"""Marginal means, contrasts and slopes beside emmeans 1.8.4, on data that formulas make."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import studentized_range, t

from skglmm import (
    BinomialGLMMClassifier,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inference.means.adjust import adjusted
from skglmm.inference.means.contrast_weights import method_weights
from skglmm.inference.means.studentized_range import range_quantile, range_tail
from skglmm.inspection import comparisons, marginal_means, poststratify, reference_grid, slopes


@cache
def rows():
    i = np.arange(144)
    t = np.array(["a", "b", "c"])[(i * i + i // 5) % 3]
    s = np.array(["f", "m"])[(i // 7 + i * i // 11) % 2]
    x, g = np.sin(1.7 * i), i // 12
    eta = 0.4 + 0.5 * (t == "b") - 0.3 * (t == "c") * (s == "m") + 0.4 * x + 0.5 * np.sin(3.1 * g)
    count = np.floor(np.exp(eta) * (1.0 + np.sin(0.7 * i * i)) + 0.4)
    y, hours = eta + np.sin(1.3 * i * i), 1.0 + i % 4
    return pd.DataFrame(
        {"t": t, "s": s, "x": x, "g": g, "y": y, "count": count, "hours": hours},
    )


@cache
def linear():
    return LMMRegressor("t * s + x + (1 | g)").fit(rows(), rows()["y"])


@cache
def without_a_cell():
    kept = rows()[(rows()["t"] != "c") | (rows()["s"] != "m")]
    with pytest.warns(UserWarning, match="not determine|dropped|combination"):
        return LMMRegressor("t * s + x + (1 | g)").fit(kept, kept["y"]), kept


@cache
def zero_inflated():
    model = PoissonGLMMRegressor("t + x", zero="s", exposure="hours")
    return model.fit(rows(), rows()["count"])


# emmeans(m, ~t, weights = ...): emmean, SE, df, lower.CL, upper.CL
WEIGHTED = {
    "equal": [
        [0.3339426562, 0.1197770628, 34.06319518, 0.09054301101, 0.5773423014],
        [0.9397537827, 0.1278098518, 42.15058397, 0.68185035603, 1.1976572093],
        [0.4326317677, 0.1373530312, 52.97448248, 0.15713337750, 0.7081301580],
    ],
    "proportional": [
        [0.3349532337, 0.1200159542, 34.26702369, 0.0911214569, 0.5787850105],
        [0.9425789619, 0.1274214286, 41.81080066, 0.6853976299, 1.1997602938],
        [0.4264982805, 0.1372641604, 52.90224130, 0.1511693637, 0.7018271974],
    ],
    "cells": [
        [0.3313440283, 0.1194920119, 33.82728736, 0.0884613661, 0.5742266906],
        [0.9542832757, 0.1266284781, 41.19963677, 0.6985895036, 1.2099770479],
        [0.4269700872, 0.1372678227, 52.90436642, 0.1516340830, 0.7023060915],
    ],
}
NUMBERS = ["estimate", "std_error", "df", "conf_low", "conf_high"]


@pytest.mark.parametrize("weights", WEIGHTED)
def test_means_of_a_linear_mixed_model_are_those_of_emmeans(weights):
    found = marginal_means(linear(), rows(), "t", weights=weights).to_frame()
    assert found["t"].tolist() == ["a", "b", "c"]
    assert_allclose(found[NUMBERS], WEIGHTED[weights], rtol=1e-6)


def test_contrasts_with_a_reference_are_those_of_trt_vs_ctrl():
    means = marginal_means(linear(), rows(), "t")
    found = means.contrasts("reference", reference="b").to_frame()
    assert found["contrast"].tolist() == ["a - b", "c - b"]
    assert_allclose(found["estimate"], [-0.6058111264, -0.5071220149], rtol=1e-6)
    assert_allclose(found["p_value"], [0.0002790673494, 0.0060526245451], rtol=1e-6)
    assert_allclose(found["conf_low"], [-0.9526612648, -0.8850055700], rtol=1e-6)


def test_sidak_adjusts_p_values_and_limits():
    found = marginal_means(linear(), rows(), "t").contrasts(adjust="sidak")
    assert_allclose(found.p_value, [0.00042162831, 0.90211387413, 0.00924568498], rtol=1e-6)
    assert_allclose(found.conf_high, [-0.2323875430, 0.2890463472, 0.9139588819], rtol=1e-6)


def test_means_over_a_cell_without_rows_are_nan_with_a_word():
    model, kept = without_a_cell()
    means = marginal_means(model, kept, "t")
    assert_allclose(means.estimate, [0.3397735786, 0.9491547050, np.nan], rtol=1e-6)
    assert_allclose(means.std_error, [0.1243035997, 0.1325535213, np.nan], rtol=1e-6)
    assert_allclose(means.df, [25.73739678, 32.03370058, np.nan], rtol=1e-6)
    assert "NaN where the data do not determine" in str(means)


def test_weights_of_cells_leave_out_what_has_no_rows():
    model, kept = without_a_cell()
    means = marginal_means(model, kept, "t", weights="cells")
    assert_allclose(means.estimate, [0.3372923269, 0.9621234922, 0.6689026608], rtol=1e-6)
    assert_allclose(means.std_error, [0.1240282954, 0.1313721691, 0.1913551955], rtol=1e-6)


def test_pairs_within_another_factor_are_families_of_their_own():
    model, kept = without_a_cell()
    found = marginal_means(model, kept, ["t", "s"]).contrasts(by="s").to_frame()
    assert found["s"].tolist() == list("fffmmm")
    expected = [0.032437433103, 0.242460536959, 0.728548801072, 0.005249438252, np.nan, np.nan]
    assert_allclose(found["p_value"], expected, rtol=1e-3)  # of degrees of freedom that R shares


def test_linear_predictors_of_counts_are_at_the_mean_exposure():
    means = marginal_means(zero_inflated(), rows(), "t", scale="link")
    value = np.log([1.653446489, 3.150191426, 1.452974807])
    error = np.array([0.2095100351, 0.3101884845, 0.1956100503]) / np.exp(value)
    assert_allclose(means.estimate, value, rtol=1e-6)
    assert_allclose(means.std_error, error, rtol=1e-5)


def test_slopes_are_those_of_emtrends():
    found = slopes(zero_inflated(), rows(), of="x", by="t")
    assert_allclose(found.estimate, np.full(3, 0.5244053842), rtol=1e-6)
    assert_allclose(found.std_error, np.full(3, 0.09869894865), rtol=1e-5)


def test_interaction_contrasts_are_differences_of_differences():
    means = marginal_means(linear(), rows(), ["t", "s"])
    found = means.contrasts(interaction=True).to_frame()
    assert found[["t", "s"]].to_numpy().tolist() == [
        ["a - b", "f - m"],
        ["a - c", "f - m"],
        ["b - c", "f - m"],
    ]
    cells = means.estimate.reshape(3, 2)
    effects = cells[:, 0] - cells[:, 1]
    expected = [effects[0] - effects[1], effects[0] - effects[2], effects[1] - effects[2]]
    assert_allclose(found["estimate"], expected)


def test_weights_of_contrasts_may_be_a_matrix_or_have_names():
    means = marginal_means(linear(), rows(), "t")
    first = means.contrasts([[1, -0.5, -0.5]])
    second = means.contrasts({"a against others": {"a": 1, "b": -0.5, "c": -0.5}})
    assert_allclose(first.estimate, means.estimate @ [1, -0.5, -0.5])
    assert_allclose(first.std_error, second.std_error)
    assert second.to_frame()["contrast"].tolist() == ["a against others"]


def test_a_grid_that_is_edited_is_averaged_over():
    grid = reference_grid(linear(), rows(), by="t")
    edited = grid[grid["s"] == "m"].assign(x=0.5)
    found = marginal_means(linear(), grid=edited, by="t")
    asked = marginal_means(linear(), rows(), by="t", at={"s": "m", "x": 0.5})
    assert_allclose(found.estimate, asked.estimate)
    assert_allclose(found.std_error, asked.std_error)


def test_cells_of_numbers_whose_values_are_levels_count_with_them():
    coded = rows().assign(d=(rows()["t"] == "b") * 1)
    model = LMMRegressor("d * s + (1 | g)").fit(coded, coded["y"])
    found = marginal_means(model, coded, "d", weights="cells")
    each = marginal_means(model, coded, ["d", "s"])
    sizes = coded.groupby(["d", "s"]).size().to_numpy().reshape(2, 2)
    expected = (each.estimate.reshape(2, 2) * sizes).sum(axis=1) / sizes.sum(axis=1)
    assert_allclose(found.estimate, expected, rtol=1e-12)


def test_notes_say_at_which_values_means_are():
    found = marginal_means(linear(), rows(), "t", at={"s": "m", "x": 0.5})
    assert found.notes == ("s at m, x at 0.5",)
    found = marginal_means(linear(), rows(), "t", at={"x": [0.0, 0.5]})
    assert found.notes == ("Averaged over s, x (0.0, 0.5), equal weights",)


def test_levels_nested_in_others_are_averaged_within_them():
    nested = rows().assign(site=rows()["t"] + (rows()["g"] % 3).astype(str))
    with pytest.warns(UserWarning, match="dropped|determine|combination"):
        model = LMMRegressor("t + site + x + (1 | g)").fit(nested, nested["y"])
    means = marginal_means(model, nested, "t")
    sites = marginal_means(model, nested, "site")
    assert_allclose(means.estimate, sites.estimate.reshape(3, 3).mean(axis=1))
    assert_allclose(means.df.round(1), [22.8, 27.2, 34.8])  # of emmeans
    assert "site is nested in t" in str(means)


def test_ranges_are_those_of_r():
    found = [range_tail(q, k, df) for q, k, df in [(3.1, 5, 6.638), (8, 3, 45)]]
    assert_allclose(found, [0.287348933003, 2.979857973928e-06], rtol=1e-7)
    broken = [range_tail(np.sqrt(2.0) * 2.3, 4.37, df) for df in (11.5, np.inf)]
    assert_allclose(broken, [0.1764379127878, 0.1149055798046], rtol=1e-8)
    assert_allclose(range_quantile(0.95, 6, 10), 4.912015754838, rtol=1e-8)


@pytest.mark.parametrize("df", [2.0, 30.0, np.inf])
def test_ranges_of_two_means_are_t_and_of_more_those_of_scipy(df):
    assert_allclose(range_tail(3.0, 2, df), 2.0 * t.sf(3.0 / np.sqrt(2.0), df), rtol=1e-9)
    assert_allclose(range_tail(3.0, 6, df), studentized_range.sf(3.0, 6, df), rtol=1e-6)


@pytest.mark.parametrize("how", ["tukey", "dunnett", "sidak", "bonferroni"])
def test_limits_touch_zero_where_p_is_one_less_the_level(how):
    df = np.array([7.5, 7.5])
    reach = adjusted(how, np.zeros(2), df, 0.9, 3).reach
    assert_allclose(adjusted(how, reach, df, 0.9, 3).p_value, 0.1, rtol=1e-8)


def test_polynomials_are_orthogonal_whole_numbers():
    matrix = method_weights("polynomial", list("abcdefgh")).matrix
    assert matrix.shape == (6, 8)
    assert np.all(matrix == np.round(matrix))
    products = matrix @ matrix.T
    assert_allclose(products, np.diag(np.diag(products)))
    assert matrix[4].tolist() == [-7, 23, -17, -15, 15, 17, -23, 7]


def test_columns_of_arrays_have_slopes_and_comparisons():
    table = rows().assign(b=(rows()["t"] == "b") * 1)[["x", "b", "g"]].to_numpy(dtype=float)
    model = LMMRegressor("x0 + C(x1) + (1 | x2)").fit(table, rows()["y"])
    found = slopes(model, table, "x0")
    assert_allclose(found.estimate, model.coef_[:1], rtol=1e-8)
    assert found.title.startswith("Slopes of x0")
    found = comparisons(model, table, "x1", values=[0, 1])
    assert found.labels == (("x1=1 - x1=0",),)
    assert_allclose(found.estimate, model.coef_[1:2], rtol=1e-8)


def test_slopes_are_where_a_covariate_has_one_value():
    expected = slopes(linear(), rows(), "x", "t").estimate
    for few in (rows().head(1), rows().assign(x=0.1)):
        assert_allclose(slopes(linear(), few, "x", "t").estimate, expected, rtol=1e-6)


def test_weights_may_name_means_by_values():
    means = marginal_means(linear(), rows(), ["t", "x"], at={"x": [0, 1]})
    by_values = means.contrasts({"k": {("a", 1): 1, ("a", 0): -1}})
    assert_allclose(by_values.estimate, means.contrasts({"k": [-1, 1, 0, 0, 0, 0]}).estimate)
    means = marginal_means(linear(), rows(), "x", at={"x": [0, 1]})
    assert_allclose(means.contrasts({"k": {0: -1, 1: 1}}).estimate, np.diff(means.estimate))


def test_families_of_contrasts_may_differ_in_size():
    cells = reference_grid(linear(), rows(), by=["s", "t"]).iloc[:5]
    found = marginal_means(linear(), grid=cells, by=["s", "t"]).contrasts(by="s")
    assert found.notes == ("p and limits by Tukey, for 2 to 3 means",)


WRONG = {
    "mapping of columns": lambda: marginal_means(linear(), rows(), "t", at=["x"]),
    "it holds numbers": lambda: marginal_means(linear(), rows(), "t", at={"x": "much"}),
    "has no empty list": lambda: marginal_means(linear(), rows(), "t", at={"s": []}),
    "one value in all rows": lambda: comparisons(linear(), rows(), "t", at={"x": [1, 2]}),
    "name of one column": lambda: comparisons(linear(), rows(), ["t", "s"]),
    "finite numbers, 0 or more": lambda: poststratify(linear(), rows(), weights="t"),
    "neither a method": lambda: marginal_means(linear(), rows(), "t").contrasts({}),
    "compare one average": lambda: marginal_means(linear(), rows()).contrasts(),
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_questions_are_refused(words):
    with pytest.raises(ValueError, match=words):
        WRONG[words]()


def test_columns_called_as_those_of_tables_are_kept():
    named = rows().rename(columns={"t": "contrast", "s": "estimate"})
    model = LMMRegressor("contrast * estimate + x + (1 | g)").fit(named, named["y"])
    means = marginal_means(model, named, ["contrast", "estimate"])
    expected = marginal_means(linear(), rows(), ["t", "s"])
    frame = means.to_frame()
    assert frame["estimate_"].tolist() == ["f", "m"] * 3
    assert_allclose(frame["estimate"], expected.estimate)
    found = means.contrasts(by="contrast").to_frame()
    assert found["contrast"].tolist() == ["a", "b", "c"]
    assert found["contrast_"].tolist() == ["f - m"] * 3


def test_a_column_called_class_is_kept_apart_from_the_classes():
    y = np.array(["lo", "mid", "hi"])[np.digitize(rows()["y"], [0.0, 1.0])]
    named = rows().rename(columns={"s": "class"})
    model = OrdinalGLMMClassifier("`class`", categories=["lo", "mid", "hi"]).fit(named, y)
    means = marginal_means(model, named, "class")
    assert means.names == ("class_", "class")
    assert means.contrasts().labels == tuple((part, "f - m") for part in ("lo", "mid", "hi"))


def test_braces_in_levels_and_names_are_letters():
    named = rows().assign(t=rows()["t"].map({"a": "{0}", "b": "{x", "c": "{}"}))
    means = marginal_means(LMMRegressor("t + (1 | g)").fit(named, named["y"]), named, "t")
    assert means.contrasts().labels == (("{0} - {x",), ("{0} - {}",), ("{x - {}",))
    assert means.contrasts({"{k}": [1, -1, 0]}).labels == (("{k}",),)


def test_levels_of_several_words_are_told_apart():
    named = rows().assign(
        t=rows()["t"].map({"a": "a", "b": "a b", "c": "c"}),
        s=rows()["s"].map({"f": "b c", "m": "c"}),
    )
    means = marginal_means(
        LMMRegressor("t + s + (1 | g)").fit(named, named["y"]), named, ["t", "s"]
    )
    found = means.contrasts({"k": {"a, b c": 1, "c, c": -1}})
    assert_allclose(found.estimate, means.estimate[0] - means.estimate[5])
    with pytest.raises(ValueError, match="the means are a, b c; a, c; a b, b c"):
        means.contrasts({"k": {"a b c": 1}})


def test_tables_say_of_which_class_means_are_probabilities():
    y = np.where(rows()["y"] > 0.5, "yes", "no")
    model = BinomialGLMMClassifier("t + x").fit(rows(), y)
    for found in (
        marginal_means(model, rows(), "t"),
        slopes(model, rows(), "x", scale="response"),
        comparisons(model, rows(), "t"),
    ):
        assert found.notes[0] == "of P(y = yes)"
    numbers = BinomialGLMMClassifier("t + x").fit(rows(), y == "yes")
    assert marginal_means(numbers, rows(), "t").notes == ("x at 0.0009301",)
