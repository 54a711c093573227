"""Models in other words are nested by what their columns span."""

import pickle
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import chi2
from test_separable import crossed_rows

from skglmm import BetaGLMMRegressor, OrderedBetaGLMMRegressor
from skglmm.design import Term, learn
from skglmm.fitting import signed_sums
from skglmm.inference.hypotheses.spans import MARGIN, SpanColumns
from skglmm.model_selection import compare, likelihood_ratio_test

pytestmark = pytest.mark.filterwarnings("ignore::skglmm.ImplicitNestingWarning")


@pytest.fixture(scope="module")
def rows():
    """Subjects under three conditions, at four doses."""
    X, y = crossed_rows(3, "abc", (0.6, 0.2, 0.5, 0.8))
    rng = np.random.default_rng(0)
    numbers = {"dose": np.resize([0, 1, 2, 3], len(y)), "z": rng.normal(size=len(y))}
    return X.assign(**numbers, t=1.7e9 + 1e5 * X["x"], w=2 + 0.3 * X["x"]), y


@pytest.fixture(scope="module")
def model(rows):
    """A function from formulas to the fitted estimator."""
    fitted = {}

    def fit(formula, precision="1"):
        if (formula, precision) not in fitted:
            estimator = BetaGLMMRegressor(formula, precision=precision, inference=False)
            fitted[formula, precision] = estimator.fit(*rows)
        return fitted[formula, precision]

    return fit


def plain(df):
    return ((1.0, df),)


def half(df):
    return ((0.5, df - 1), (0.5, df))


NESTED = {  # smaller, larger: method and null distribution
    ("x + (1 | s)", "poly(x, 2) + (1 | s)"): ("chi-square", plain(1)),
    ("poly(x, 1) + (1 | s)", "poly(x, 3) + (1 | s)"): ("chi-square", plain(2)),
    ("dose + (1 | s)", "C(dose) + (1 | s)"): ("chi-square", plain(2)),
    ("poly(dose, 2) + (1 | s)", "C(dose, contr.sum) + (1 | s)"): ("chi-square", plain(1)),
    ("C(dose) + f + (1 | s)", "C(dose, contr.helmert) * f + (1 | s)"): ("chi-square", plain(6)),
    ("0 + f + (1 | s)", "f + x + (1 | s)"): ("chi-square", plain(1)),
    ("f + (1 | s)", "0 + f + f:x + (1 | s)"): ("chi-square", plain(3)),
    ("t + (1 | s)", "bs(x, df=4) + (1 | s)"): ("chi-square", plain(3)),
    ("x + (1 | s)", "scale(t) + C(f, contr.sum) + (1 | s)"): ("chi-square", plain(2)),
    ("1", "x + (1 | s)"): ("boundary-corrected", half(2)),
    ("x + (1 | s)", "center(x) + (scale(x) | s)"): ("boundary-corrected", half(2)),
    ("x + (0 + w | s)", "x + (scale(x) | s)"): ("boundary-corrected", half(2)),
    ("x + (x | s)", "x + (poly(x, 2) | s)"): ("boundary-corrected", half(3)),
    ("x + (x | s)", "poly(x, 2) + (poly(x, 2) | s)"): (
        "boundary-corrected",
        ((0.5, 3), (0.5, 4)),
    ),
    ("f + (1 | s)", "f + (1 | s) + (0 + f || s)"): ("conservative", plain(3)),
    ("f + (1 | s)", "f + (0 + f | s)"): ("conservative", plain(5)),
    ("x + (x || s)", "x + (scale(x, center=False) | s)"): ("chi-square", plain(1)),
}


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize(("smaller", "larger"), NESTED)
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
def test_models_in_other_words_are_tested(rows, model, smaller, larger, with_rows):
    one, other = model(smaller), model(larger)
    test = likelihood_ratio_test(one, other, rows[0] if with_rows else None)
    assert not one.is_singular_
    method, mixture = NESTED[smaller, larger]
    assert (test.method, test.mixture, test.df) == (method, mixture, mixture[-1][1])
    ratio = 2 * (other.log_likelihood_ - one.log_likelihood_)
    assert_allclose(test.statistic, ratio)
    assert_allclose(test.p_value, sum(w * chi2.sf(ratio, df) for w, df in mixture))
    with pytest.raises(ValueError, match="wrong order"):
        likelihood_ratio_test(other, one)


# anova() of glmmTMB 1.1.5 on these rows: statistic, df, p-value
ANOVA = {
    ("x + (1 | s)", "poly(x, 2) + (1 | s)", "1", "1"): (0.13729864, 1, 0.71098143),
    ("dose + f + (x | s)", "C(dose) * f + (x | s)", "1", "1"): (2.3692373, 8, 0.96754989),
    ("x + (1 | s)", "x + (1 | s)", "dose", "C(dose)"): (0.17061507, 2, 0.91822985),
}


@pytest.mark.parametrize("pair", ANOVA)
def test_ratios_are_those_of_anova_in_r(model, pair):
    smaller, larger, *precisions = pair
    test = likelihood_ratio_test(model(smaller, precisions[0]), model(larger, precisions[1]))
    statistic, df, p_value = ANOVA[pair]
    assert_allclose(test.statistic, statistic, atol=2e-6)
    assert test.df == df
    assert_allclose(test.p_value, p_value, atol=1e-5)


def test_effects_of_the_precision_are_compared_alike(model):
    test = likelihood_ratio_test(model("x", "dose"), model("poly(x, 2)", "C(dose) + z"))
    assert (test.df, test.method) == (4, "chi-square")
    with pytest.raises(
        ValueError, match="only the smaller model has the fixed effect 'x' of the p"
    ):
        likelihood_ratio_test(model("1", "x"), model("x", "C(dose)"))


REFUSED = {
    ("x", "z"): "only the smaller model has the fixed effect 'x' of the mean",
    ("C(dose)", "poly(dose, 2) + f"): "only the smaller model has the fixed effect 'C.dose",
    ("log1p(dose)", "poly(dose, 2)"): "only the smaller model has the fixed effect 'log1p.dose.'",
    ("x + (x | s)", "poly(x, 2) + (1 | s)"): "only in the smaller model 'x' varies over 's'",
    ("x + (x | s)", "x + (scale(x) || s) + (0 + z | s)"): (
        "'Intercept' and 'x' of 's' may be correlated"
    ),
    ("f + (1 | s)", "f + (0 + f || s)"): "'Intercept' of 's' is made up of independent effects",
    ("x + (x | s)", "t + (scale(x) | s)"): "both are the same model",
}


@pytest.mark.parametrize("with_rows", [False, True])
@pytest.mark.parametrize(("one", "other"), REFUSED)
@pytest.mark.filterwarnings("ignore::skglmm.SingularFitWarning")
def test_what_the_larger_model_does_not_span_is_refused(rows, model, one, other, with_rows):
    with pytest.raises(ValueError, match=REFUSED[one, other]):
        likelihood_ratio_test(model(one), model(other), rows[0] if with_rows else None)


def test_the_order_of_the_rows_does_not_matter(rows, model):
    X, y = rows
    order = np.random.default_rng(4).permutation(len(y))
    larger = BetaGLMMRegressor("poly(x, 2) + (1 | s)").fit(X.iloc[order], y[order])
    assert likelihood_ratio_test(model("x + (1 | s)"), larger).df == 1
    weights = np.random.default_rng(5).uniform(0.5, 2, len(y))
    small = BetaGLMMRegressor("dose").fit(X, y, weights)
    larger = BetaGLMMRegressor("C(dose)").fit(X.iloc[order], y[order], weights[order])
    assert likelihood_ratio_test(small, larger).df == 2


def test_rows_of_weight_zero_are_no_rows(rows):
    X, y = rows
    weights = np.resize([1, 2, 0], len(y))
    small, large = (
        BetaGLMMRegressor(text, inference=False).fit(X, y, weights) for text in ("z", "poly(z, 2)")
    )
    plain = likelihood_ratio_test(small, large, X, sample_weight=weights)
    assert plain.df == 1
    assert compare(small, large, X=X, sample_weight=weights)["lr_df"].max() == 1
    simulation = {"method": "bootstrap", "n_replicates": 19, "random_state": 0}
    simulated = likelihood_ratio_test(small, large, X, y, sample_weight=weights, **simulation)
    assert simulated.statistic == plain.statistic
    with pytest.raises(ValueError, match="and sample_weight if some of them weigh nothing"):
        likelihood_ratio_test(small, large, X)


def test_factors_are_told_by_how_they_group_the_rows(rows, model):
    X, y = rows
    X = X.assign(renamed=100 - pd.factorize(X["s"])[0], s=np.roll(X["s"], 5))
    again = BetaGLMMRegressor("x + f + (1 | renamed)", inference=False).fit(X, y)
    test = likelihood_ratio_test(model("x + (1 | s)"), again)
    assert (test.df, test.method) == (2, "chi-square")
    other = BetaGLMMRegressor("x + f + (1 | s)", inference=False).fit(X, y)
    assert likelihood_ratio_test(model("x"), other).df == 3
    with pytest.raises(ValueError, match="'s' groups the rows in another way in the two fits"):
        likelihood_ratio_test(model("x + (1 | s)"), other)


@pytest.fixture(scope="module")
def ratings():
    """Six hundred answers on a scale from 0 to 10."""
    rng = np.random.default_rng(6)
    X = pd.DataFrame({"x": rng.normal(size=600), "dose": rng.integers(0, 12, 600)})
    y = np.round(10 * rng.beta(*(5 * expit([0.5 * X["x"], -0.5 * X["x"]]))))
    return X, y


def test_few_different_responses_tell_few_columns_apart(ratings):
    X, y = ratings

    def fitted(formula):
        return OrderedBetaGLMMRegressor(formula, bounds=(0, 10), inference=False).fit(X, y)

    line, curve, bent = fitted("x"), fitted("poly(x, 3)"), fitted("C(dose) + x")
    assert line.fit_.spaces.n_sums == 11
    assert likelihood_ratio_test(line, curve).df == 2
    with pytest.raises(ValueError, match="only the smaller model has the fixed effect 'x' of"):
        likelihood_ratio_test(line, fitted("poly(dose, 3)"))
    doses = fitted("dose")
    with pytest.raises(ValueError, match=r"'dose' of the mean, by its name; .* pass X, the"):
        likelihood_ratio_test(doses, bent)
    assert likelihood_ratio_test(doses, bent, X).df == 11
    with pytest.raises(ValueError, match=r"'x' of the mean\. If the first is a special case"):
        likelihood_ratio_test(line, fitted("C(dose)"), X)
    with pytest.raises(ValueError, match="X has 599 rows and fit had 600"):
        likelihood_ratio_test(doses, bent, X[1:])
    note = compare(doses, bent, names=["line", "steps"])["lr_note"]["steps"]
    assert note.startswith("line is not nested in it: only the smaller model has the fixed effect")
    assert compare(doses, bent, X=X)["lr_df"].max() == 11


def test_columns_outside_a_span_are_not_taken_for_inside_by_chance():
    rng = np.random.default_rng(7)
    for _ in range(300):
        n_columns, n_values = rng.integers(1, 8), rng.integers(15, 60)
        value, X = rng.integers(0, n_values, 200), rng.integers(0, 2, (200, n_columns + 1))
        signs = rng.choice([-1.0, 1.0], (n_columns + MARGIN, n_values))[:, value]
        sums = signs @ X
        known = SpanColumns(tuple((0, f"x{j}") for j in range(n_columns)), sums[:, 1:])
        assert SpanColumns(((0, "y"),), sums[:, :1]).beyond(known) == [0]
        mixed = sums[:, 1:] @ rng.normal(size=(n_columns, 1))
        assert SpanColumns(((0, "y"),), mixed).beyond(known) == []


def test_fits_keep_sums_and_no_rows(rows):
    X, y = rows
    sizes = []
    for n in (72, 288, 1152):
        many = pd.concat([X] * 4, ignore_index=True)[:n].assign(s="a")
        many["s"] = np.resize(list("uvw"), n)
        noisy = np.resize(y, n) * np.random.default_rng(n).uniform(0.9, 1, n)
        fit = BetaGLMMRegressor("poly(x, 2)").fit(many, noisy).fit_
        assert fit.spaces.n_sums == min(64, n // 2)
        sizes.append(len(pickle.dumps(fit)))
    assert abs(sizes[2] - sizes[1]) < 100


def test_names_decide_where_fits_keep_nothing(model):
    small, large = model("x + (1 | s)"), model("x + z + (x | s)")
    for one, other in ((small, large), (small, model("poly(x, 2) + (1 | s)"))):
        bare = [BetaGLMMRegressor().set_params(**each.get_params()) for each in (one, other)]
        for each, new in zip((one, other), bare, strict=True):
            vars(new).update(vars(each), fit_=replace(each.fit_, spaces=None))
        if other is large:
            assert likelihood_ratio_test(*bare).mixture == ((0.5, 2), (0.5, 3))
        else:
            with pytest.raises(ValueError, match="'x' of the mean, by its name"):
                likelihood_ratio_test(*bare)


def test_models_that_are_known_to_be_nested_are_tested(model):
    one, other = model("f + (1 | s)"), model("f + (0 + f || s)")
    test = likelihood_ratio_test(one, other, nested=True)
    assert (test.df, test.method) == (2, "conservative")
    assert_allclose(test.statistic, 2 * (other.log_likelihood_ - one.log_likelihood_))
    assert "not known how the smaller model restricts the variances" in test.notes[0]
    fixed = likelihood_ratio_test(model("z"), model("x + dose"), nested=True)
    assert (fixed.df, fixed.method) == (1, "chi-square")
    with pytest.raises(ValueError, match="only the smaller model"):
        likelihood_ratio_test(model("x"), model("z"), nested=True)
    with pytest.raises(TypeError, match="nested"):
        likelihood_ratio_test(model("x"), model("z"), nested="yes")


def test_an_offset_within_the_span_of_the_larger_model_is_a_coefficient_of_one(rows, model):
    X, y = rows
    X = X.assign(o=0.5 * X["x"] - 1)
    shifted = BetaGLMMRegressor("f", offset="o", inference=False).fit(X, y)
    assert likelihood_ratio_test(shifted, model("f + x")).df == 1
    with pytest.raises(ValueError, match="offsets differ, 'o' and no offset"):
        likelihood_ratio_test(shifted, model("f + z"))


OFFSETS = {  # formulas of the mean and of the precision, and what they are called
    ("f", "1"): "no offset",
    ("f + offset(z)", "1"): "'z'",
    ("f + offset(exp(x)) + offset(z)", "1"): "'exp(x) + z'",
    ("f", "1 + offset(z)"): "'precision(z)'",
}


def test_fits_that_differ_by_an_offset_alone_are_told_so(rows):
    fits = [BetaGLMMRegressor(f, precision=p, inference=False).fit(*rows) for f, p in OFFSETS]
    for (one, told), (other, told_too) in permutations(zip(fits, OFFSETS.values(), strict=True), 2):
        with pytest.raises(ValueError, match="their offsets differ") as caught:
            likelihood_ratio_test(one, other)
        assert f"their offsets differ, {told} and {told_too}. Models that" in str(caught.value)
    larger = BetaGLMMRegressor("f + x", inference=False).fit(*rows)
    for one, told in zip(fits[1:], list(OFFSETS.values())[1:], strict=True):
        note = compare(one, larger, names=["one", "larger"])["lr_note"]["larger"]
        assert note == f"one is not nested in it: their offsets differ, {told} and no offset"


def test_an_offset_that_is_made_up_for_leaves_the_same_model(rows):
    X, y = rows
    X = X.assign(o=0.5 * X["x"] - 1)
    models = [BetaGLMMRegressor(f, inference=False).fit(X, y) for f in ("x", "x + offset(o)")]
    with pytest.raises(ValueError, match="both are the same model"):
        likelihood_ratio_test(*models)


def test_a_table_says_why_models_are_not_tested(model):
    table = compare(
        *(model(text) for text in ("x", "poly(x, 2)", "z", "f + z")),
        names=["line", "curve", "other", "both"],
    )
    assert table["lr_against"].dropna().to_dict() == {"curve": "line", "both": "other"}
    assert list(table["lr_note"][["curve", "both"]]) == ["", ""]
    for name in ("line", "other"):
        assert table["lr_note"][name] == "no smaller model to test it against"


@pytest.mark.parametrize("n", [300, 70_000])
def test_signed_sums_of_parts_add_up(n):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.integers(0, 20, n)})
    _, design = learn(frame, {"mean": "1 + x", "scale": "1"}, [Term("1 + x", ("g",))])
    y, rows = rng.normal(size=n), rng.permutation(n)
    parts = [rows[: n // 3], rows[n // 3 :]]
    one, other = (signed_sums(design.take(part), y[part], None) for part in parts)
    total, whole = one + other, signed_sums(design, y, None)
    assert_allclose(total.columns, whole.columns, rtol=1e-10, atol=1e-9)
    assert (total.used == whole.used).all()
    assert (total.levels[0] == whole.levels[0]).all()
