"""Ordered classes: R's numbers, labels of any type and order, and what classifiers promise."""

import json
import re
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq, minimize
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from skglmm import BinomialGLMMClassifier, FormulaError, OrdinalGLMMClassifier
from skglmm.fitting import Study
from skglmm.model_selection import likelihood_ratio_test
from skglmm.multioutput import fit_many

REFERENCE = Path(__file__).parent / "reference"
CASES = {
    each["name"]: each for each in json.loads((REFERENCE / "ordinal.json").read_text())["cases"]
}
NAMES = np.array(["bad", "fair", "good", "top"])
NEEDED = ["logit", "equidistant", "crossed", "logit, 7 points", "scale, loglog"]
ALL = [name if name in NEEDED else pytest.param(name, marks=pytest.mark.slow) for name in CASES]


@pytest.fixture(scope="module")
def crossed():
    data = pd.read_csv(REFERENCE / "simulated_crossed.csv")
    return data, np.digitize(data["y"], [0.2, 0.45, 0.7, 0.9]) + 1


def simulated(n=300):
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"x": rng.normal(size=n), "g": np.arange(n) // 10})
    X["f"] = rng.choice(list("abc"), n)
    eta = X["x"] + 0.8 * rng.normal(size=n // 10)[X["g"]] + rng.logistic(size=n)
    return X, np.digitize(eta, [-1.5, 0.0, 1.5]) + 1


X, Y = simulated()
WORDS = NAMES[Y - 1]


@pytest.fixture(scope="module")
def model():
    return OrdinalGLMMClassifier("x + (1 | g)").fit(X, Y)


def parameters(model):
    """Estimates and standard errors as R lists them: thresholds, then the location, then scales."""
    fixed = model.tidy(effects="fixed").set_index("component")[["estimate", "std_error"]]
    order = [name for name in ("thresholds", "location", "scale") if name in fixed.index]
    return fixed.loc[order].to_numpy().T


@pytest.mark.parametrize("name", ALL)
def test_it_has_the_numbers_of_clmm(name, crossed):
    case, (rows, y) = CASES[name], crossed
    options = {key: case[key] for key in ("link", "thresholds", "n_quadrature")}
    model = OrdinalGLMMClassifier(case["formula"], scale=case.get("scale"), **options).fit(rows, y)
    estimates, errors = parameters(model)
    assert -1e-6 < model.log_likelihood_ - case["log_likelihood"] < 1e-3
    assert_allclose((estimates - case["estimates"]) / errors, 0.0, atol=1e-3)
    if case["std_errors"]:
        assert_allclose(errors, case["std_errors"], rtol=1e-3)
    if case["sds"]:
        sds = model.variance_components()["sd"]
        assert_allclose(np.sort(sds), np.sort(np.ravel(case["sds"])), rtol=1e-3)


def test_standard_errors_are_those_of_differences_of_the_likelihood(model):
    design = model._spec.build(X)
    study = Study.of(model.fit_.family, design, model._scale.read(Y))
    bound = study.around(model.fit_)
    here, step = bound.vector(model.fit_), 1e-4
    changes = [
        bound.problem.evaluate(here + move, tol=1e-14).gradient
        - bound.problem.evaluate(here - move, tol=1e-14).gradient
        for move in step * np.eye(len(here))
    ]
    covariance = np.linalg.inv(np.array(changes) / (2 * step))
    turn = bound.scales.whole_map
    covariance = turn @ covariance[: len(turn), : len(turn)] @ turn.T
    found = np.sqrt(np.diag(covariance))
    expected = model.tidy(effects="fixed")["std_error"]
    assert_allclose(found, expected, rtol=1e-4)


def test_two_classes_are_a_logistic_regression():
    events = Y > 2
    one, other = (
        cls("x + (1 | g)").fit(X, events) for cls in (OrdinalGLMMClassifier, BinomialGLMMClassifier)
    )
    assert_allclose(one.log_likelihood_, other.log_likelihood_)
    assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-6)
    assert_allclose(one.thresholds_, [-other.intercept_], atol=1e-5)


@pytest.mark.parametrize(
    "categories",
    [list(NAMES), tuple(NAMES[::-1]), [NAMES[j] for j in (2, 0, 1, 3)], "ordered"],
)
def test_classes_are_sorted_and_categories_are_in_order(categories):
    y, order = (WORDS, categories) if categories != "ordered" else (None, NAMES[::-1])
    if y is None:
        y, categories = pd.Series(pd.Categorical(WORDS, order, ordered=True)), "auto"
    found = OrdinalGLMMClassifier("x", categories=categories).fit(X, y)
    assert_array_equal(found.classes_, NAMES)
    assert_array_equal(found.categories_, order)
    assert found.threshold_names_ == [f"{a}|{b}" for a, b in zip(order, order[1:])]  # noqa: B905, RUF007
    shares = pd.Series(WORDS).value_counts(normalize=True)
    assert_allclose(found.predict_proba(X).mean(axis=0), shares[NAMES], atol=0.02)
    assert set(found.predict(X)) <= set(NAMES)


@pytest.mark.parametrize(
    ("y", "categories", "words"),
    [
        (WORDS, "auto", "'bad' < 'fair' < 'good' < 'top'"),
        (pd.Categorical(WORDS), "auto", "categories=\\[...\\]"),
        (WORDS, ["bad", "fair", "good"], "lack 1 of the classes of y: 'top'"),
        (WORDS, ["bad", "bad"], "each of them once"),
        (WORDS, "alphabetical", "unknown, expected one of 'auto', 'sorted'"),
        (np.ones(len(X)), "auto", "two classes"),
        (Y / 2, "auto", "half stars"),
    ],
)
def test_labels_without_an_order_are_refused(y, categories, words):
    with pytest.raises(ValueError, match=words):
        OrdinalGLMMClassifier("x", categories=categories).fit(X, y)


def test_ratings_by_half_stars_are_classes_if_they_are_named():
    found = OrdinalGLMMClassifier("x", categories=[0.5, 1.0, 1.5, 2.0]).fit(X, Y / 2)
    assert found.threshold_names_ == ["0.5|1", "1|1.5", "1.5|2"]


def test_a_class_without_responses_is_told_of_and_is_not_in_the_model():
    with pytest.warns(UserWarning, match="no response is of class 'middling'"):
        found = OrdinalGLMMClassifier("x", categories=[*NAMES[:2], "middling", *NAMES[2:]]).fit(
            X, WORDS
        )
    assert_array_equal(found.categories_, NAMES)


def test_unseen_classes_are_refused(model):
    with pytest.raises(ValueError, match="of a class that fit has not seen, such as 9"):
        model.log_density(X, np.where(Y == 1, 9, Y))


def test_cumulative_probabilities_are_sums_of_those_of_classes(model):
    found, parts = model.predict_cumulative(X, "marginal"), model.predict_proba(X, "marginal")
    assert_allclose(np.diff(found, prepend=0.0, axis=1), parts, atol=1e-12)
    assert np.all(found[:, -1] == 1.0)


@pytest.mark.parametrize("formula", ["0 + x", "x + f - 1 + (1 | g)"])
def test_there_is_no_intercept_to_take_out(formula):
    with pytest.raises(FormulaError, match="takes the intercept out, but there is none"):
        OrdinalGLMMClassifier(formula).fit(X, Y)


def test_categories_are_coded_as_beside_an_intercept():
    found = OrdinalGLMMClassifier("f", scale="f").fit(X, Y)
    assert found.coef_names_ == ["f[T.b]", "f[T.c]"]
    assert len(found.scale_coef_) == 2
    assert not hasattr(found, "intercept_")


def test_a_column_that_thresholds_make_up_for_is_dropped():
    rows = X.assign(one=1.0, not_a=(X["f"] != "a") * 1.0)
    with pytest.warns(UserWarning, match="dropped from the location: 'one', 'not_a'"):
        found = OrdinalGLMMClassifier("f + one + not_a").fit(rows, Y)
    same = OrdinalGLMMClassifier("f").fit(X, Y)
    assert_allclose(found.log_likelihood_, same.log_likelihood_)
    assert_allclose(found.predict_proba(rows), same.predict_proba(X), atol=1e-6)
    with pytest.warns(UserWarning, match="do not determine the location"):
        missing = found.predict_proba(rows.head(3).assign(one=2.0))
    assert np.isnan(missing).all()


def test_structures_are_nested_in_flexible_thresholds(model):
    smaller = OrdinalGLMMClassifier("x + (1 | g)", thresholds="equidistant").fit(X, Y)
    found = likelihood_ratio_test(smaller, model)
    assert found.df == 1


def test_equidistant_thresholds_are_nested_in_symmetric_ones():
    y = Y + (Y == 4) * (X["x"] > 1).to_numpy()  # five classes
    kinds = ("equidistant", "symmetric", "flexible")
    fits = [OrdinalGLMMClassifier("x + (1 | g)", thresholds=kind).fit(X, y) for kind in kinds]
    assert [likelihood_ratio_test(*pair).df for pair in pairwise(fits)] == [1, 1]
    other = OrdinalGLMMClassifier("x + (1 | g)", link="probit").fit(X, y)
    with pytest.raises(ValueError, match="links of the location differ, logit and probit"):
        likelihood_ratio_test(fits[1], other)


def test_a_scale_of_one_is_nested_in_a_formula_of_it(model):
    larger = OrdinalGLMMClassifier("x + (1 | g)", scale="x").fit(X, Y)
    assert likelihood_ratio_test(model, larger).df == 1


def test_an_intercept_that_is_none_is_not_in_the_formula(model):
    assert model.formula_ == "x + (1 | g)"
    assert OrdinalGLMMClassifier("1 + (1 | g)").fit(X, Y).formula_ == "(1 | g)"


def test_tables_call_thresholds_by_their_classes(model):
    assert re.search(r"Thresholds\n +estimate +std. error\n  1\|2", str(model.summary()))
    fixed = model.tidy(effects="fixed")
    assert list(fixed["term"]) == ["x", "1|2", "2|3", "3|4"]
    assert list(model.confint().index[:4]) == list(fixed["term"])
    assert model.wald_test("`1|2` = `2|3`").df == 1


def test_a_class_of_one_row_has_a_threshold():
    y = np.where(Y == 4, 3, Y)
    y[7] = 4
    found = OrdinalGLMMClassifier("x + (1 | g)").fit(X, y)
    assert found.converged_
    assert np.all(np.diff(found.thresholds_) > 0.0)


@pytest.mark.parametrize("thresholds", ["flexible", "symmetric", "equidistant"])
def test_columns_far_from_zero_move_thresholds_and_nothing_else(thresholds):
    rows = X.assign(year=2000.0 + 3.0 * X["x"])
    far = OrdinalGLMMClassifier("year + f + (1 | g)", thresholds=thresholds).fit(rows, Y)
    near = OrdinalGLMMClassifier("x + f + (1 | g)", thresholds=thresholds).fit(rows, Y)
    assert_allclose(far.log_likelihood_, near.log_likelihood_, atol=1e-8)
    moved = far.thresholds_ - 2000.0 * far.coef_[0]
    assert_allclose(moved, near.thresholds_, atol=1e-5)
    modes = [each.random_effects()["std_error"] for each in (near, far)]
    assert_allclose(*modes, rtol=1e-4)
    robust = [each.confint(rows, Y, method="sandwich").iloc[0] for each in (near, far)]
    assert_allclose(robust[0], 3.0 * robust[1], rtol=1e-4)
    errors = [
        each.confint(rows, Y, method="profile", parameters="sd(Intercept | g)")
        for each in (near, far)
    ]
    assert_allclose(*errors, rtol=1e-4)


def test_profiles_of_thresholds_are_those_of_the_users_columns():
    rows = X.assign(near=X["x"] + 2.0)
    plain = OrdinalGLMMClassifier("near").fit(rows, Y)
    limits = plain.confint(rows, Y, method="profile").loc["2|3"]
    held = OrdinalGLMMClassifier("near")
    assert limits["conf_low"] < plain.thresholds_[1] < limits["conf_high"]
    wald = plain.confint().loc["2|3"]
    assert_allclose(limits, wald, atol=0.05)
    assert (
        held.fit(X.assign(near=X["x"]), Y).confint().loc["2|3"].diff().abs().max()
        < wald.diff().abs().max()
    )


def test_many_responses_share_their_classes(model):
    responses = pd.DataFrame({"a": Y, "b": Y[::-1], "c": Y > 2})
    with pytest.warns(ConvergenceWarning, match="1 of 3 responses has no fit"):
        found = fit_many(OrdinalGLMMClassifier("x + (1 | g)"), X, responses)
    assert_allclose(found.log_likelihood[0], model.log_likelihood_, atol=1e-6)
    assert list(found.failed) == [False, False, True]
    assert "depends on the classes; fit it alone" in found.messages[2]


def test_odds_ratios_are_those_of_higher_classes(model):
    assert_allclose(model.tidy(exponentiate=True)["estimate"][0], np.exp(model.coef_[0]))
    with pytest.raises(ValueError, match="fit with link='logit' for ratios of odds"):
        OrdinalGLMMClassifier("x", link="cloglog").fit(X, Y).tidy(exponentiate=True)


def test_separated_rows_are_told_of_once():
    with pytest.warns(UserWarning, match="rises for ever as f") as told:
        OrdinalGLMMClassifier("f").fit(X, np.where(X["f"] == "a", 1, Y))
    assert len(told) == 1


@pytest.mark.parametrize("cuts", [[-1, 0, 1], [-0.5, 0.7]], ids=str)
def test_notes_name_everything_that_separated_classes_leave_open(cuts):
    x = np.random.default_rng(7).normal(size=150)
    with pytest.warns(UserWarning, match="the likelihood") as notes:
        found = OrdinalGLMMClassifier("x").fit(pd.DataFrame({"x": x}), np.digitize(x, cuts))
    told = " ".join(str(each.message) for each in notes)
    assert np.isnan(np.diag(found.vcov())).all()
    assert all(name in told for name in ("x goes to ", *found.threshold_names_))


def test_years_in_the_formula_of_the_scale_are_to_be_centered():
    years = X.assign(year=2000 + 3 * X["x"])
    with pytest.warns(ConvergenceWarning, match="scale has no intercept.* as in center"):
        OrdinalGLMMClassifier("x", scale="year", max_iter=25).fit(years, Y)
    centered = OrdinalGLMMClassifier("x", scale="center(year)").fit(years, Y)
    alike = OrdinalGLMMClassifier("x", scale="center(x)").fit(X, Y)
    assert centered.converged_
    assert_allclose(centered.log_likelihood_, alike.log_likelihood_, rtol=1e-9)


HALF = 3.841458820694124 / 2  # of the 95 % quantile with one degree of freedom
CELL = (X["f"] == "c") & (X["x"] > 0.0)
R = X.assign(r=CELL.astype(int), h=np.where(CELL, "a", np.where(X["f"] == "a", "b", "c")))
TOP, BOTTOM = np.where(CELL, 4, Y), np.where(CELL, 1, Y)


def told(model, y):
    with pytest.warns(UserWarning, match="the likelihood rises for ever") as found:
        model.fit(R, y)
    assert len(found) == 1
    return model, str(found[0].message)


def limits(model, y, method="wald", **options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        return model.confint(R, y, method=method, **options), [str(each.message) for each in found]


@pytest.fixture(scope="module")
def separated():
    return told(OrdinalGLMMClassifier("x + r"), TOP)[0]


@pytest.mark.parametrize("y", [TOP, BOTTOM], ids=["top", "bottom"])
@pytest.mark.parametrize(
    ("formula", "options"),
    [
        *(("x + r", {"link": link}) for link in ("logit", "probit", "cloglog", "cauchit")),
        ("x + r", {"inference": False}),
        ("x + r", {"thresholds": "symmetric"}),
        ("x + r", {"scale": "x"}),
        ("x + r + (1 | g)", {}),
    ],
)
def test_a_cell_with_one_end_class_alone_is_at_infinity(formula, options, y):
    model, text = told(OrdinalGLMMClassifier(formula, **options), y)
    sign = 1.0 if y is TOP else -1.0
    found = np.concatenate(model.fit_.infinities)
    assert_array_equal(found, sign * (np.arange(len(found)) == 1))
    assert f"as r goes to {'+' if sign > 0 else '-'}infinity: there is" in text
    assert text in str(model.summary())


@pytest.mark.parametrize("thresholds", ["flexible", "symmetric", "equidistant"])
def test_cut_points_follow_where_the_first_category_is_at_infinity(thresholds):
    model, text = told(OrdinalGLMMClassifier("x + h", thresholds=thresholds), TOP)
    location, *numbers = model.fit_.infinities
    assert_array_equal(location, [0.0, -1.0, -1.0])
    first = {"flexible": [-1.0, -1.0, -1.0], "equidistant": [-1.0, 0.0], "symmetric": [-1.0, 0.0]}
    assert_array_equal(np.concatenate(numbers), first[thresholds])
    following = {"flexible": "1|2 and 2|3 and 3|4", "symmetric": "central"}
    following = following.get(thresholds, "threshold.1")
    assert f"h[T.b] goes to -infinity and h[T.c] goes to -infinity, {following} with them" in text


def test_inner_classes_alone_in_a_cell_have_finite_estimates():
    model = OrdinalGLMMClassifier("x + r").fit(R, np.where(CELL, 2 + (X["g"] % 2), Y))
    assert not np.concatenate(model.fit_.infinities).any()
    assert np.isfinite(model.fit_.covariance).all()


def test_the_rows_of_a_separated_cell_are_named(separated):
    words = f"as r goes to +infinity, in {CELL.sum()} of {len(X)} rows"
    coded = told(OrdinalGLMMClassifier("x + h"), TOP)[0]
    for model, text in ((separated, words), (coded, f"in the {CELL.sum()} rows with h = 'a'")):
        found = [each for each in model.diagnose(R, TOP).warnings if each.kind == "separation"]
        assert len(found) == 1
        assert text in found[0].finding


def test_wald_limits_and_a_bootstrap_know_the_infinite_end_alone(separated):
    for method, options in (("wald", {}), ("bootstrap", {"n_replicates": 3, "random_state": 0})):
        found, said = limits(separated, TOP, method, **options)
        assert found["conf_high"]["r"] == np.inf
        assert np.isnan(found["conf_low"]["r"])
        assert any("r" in text and "no finite estimate" in text for text in said)
    others = [name for name in limits(separated, TOP)[0].index if name != "r"]
    rest = OrdinalGLMMClassifier("x").fit(R[~CELL], TOP[~CELL])
    assert_allclose(limits(separated, TOP)[0].loc[others], rest.confint().loc[others], rtol=1e-4)


def minus_log_likelihood(numbers, slope):
    """Of a slope of x and three cut points, by the plain formula."""
    eta = numbers[0] * R["x"].to_numpy() + slope * R["r"].to_numpy()
    ends = [-np.inf, *numbers[1:], np.inf]
    upper, lower = (np.take(ends, TOP + step) for step in (0, -1))
    return -np.sum(np.log(expit(upper - eta) - expit(lower - eta)))


def test_the_finite_end_of_a_profile_is_that_of_the_likelihood(separated):
    begin = [separated.coef_[0], *separated.thresholds_]

    def least(slope):
        return minimize(minus_log_likelihood, begin, slope, options={"gtol": 1e-6}).fun

    expected = brentq(lambda slope: least(slope) - least(30.0) - HALF, 1.0, 8.0, xtol=1e-6)
    found, said = limits(separated, TOP, "profile", parameters="r")
    assert not said
    assert_allclose(found.loc["r", ["conf_low", "conf_high"]], [expected, np.inf], rtol=1e-4)


@pytest.mark.parametrize("formula", ["x + r", "x + h", "x + r + (1 | g)"])
def test_two_separated_classes_are_a_logistic_regression(formula):
    events = TOP > 2
    one, other = (
        told(cls(formula), events)[0] for cls in (OrdinalGLMMClassifier, BinomialGLMMClassifier)
    )
    (location, cut), (mean,) = one.fit_.infinities, other.fit_.infinities
    assert_array_equal([-cut[0], *location], mean)
    assert_allclose(one.log_likelihood_, other.log_likelihood_)
    names = [name for name in limits(one, events)[0].index if name in "r h[T.b] h[T.c]".split()]
    for method in ("wald", "profile"):
        found, expected = (
            limits(model, events, method, parameters=names)[0][["conf_low", "conf_high"]]
            for model in (one, other)
        )
        assert_allclose(found, expected, rtol=1e-4)


def test_weak_priors_make_separated_estimates_finite():
    model = OrdinalGLMMClassifier("x + h", priors="weak").fit(R, TOP)
    assert not np.concatenate(model.fit_.infinities).any()
    assert np.isfinite(model.fit_.covariance).all()
    assert np.all(np.abs(model.coef_) < 10.0)
    assert "without priors the likelihood rises for ever" in str(model.diagnose(R, TOP))


@pytest.mark.parametrize("shift", [0.0, -20.0, 20.0])
def test_cut_points_between_separated_classes_go_where_their_rows_are(shift):
    rows = pd.DataFrame({"x": np.linspace(-1.0, 1.0, 40) + shift})
    with pytest.warns(UserWarning, match="rises for ever as x goes"):
        model = OrdinalGLMMClassifier("x").fit(rows, np.repeat([1, 2, 3, 4], 10))
    first, second, third = np.sign(np.array([-0.5, 0.0, 0.5]) + shift)
    found = np.concatenate(model.fit_.infinities)
    assert_array_equal(found[[0, 1, 3]], [1.0, first, third])
    assert found[2] == second or np.isnan(found[2])
