"""What people type who come from other programs, and how they are told what it is here."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skglmm import (
    BetaGLMMRegressor,
    BinomialGLMMClassifier,
    DesignError,
    FormulaError,
    GLMMRegressor,
    LMMRegressor,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
    SingularFitWarning,
)
from skglmm.inspection import DiagnosticsDisplay, RandomEffectsDisplay


@pytest.fixture(scope="module")
def rows():
    rng, person = np.random.default_rng(0), np.arange(180) // 6
    X = pd.DataFrame({"person no.": person, "visit": np.tile(np.arange(6), 30)})
    X["date"] = pd.Timestamp("2026-01-05") + pd.to_timedelta(7 * X["visit"], unit="D")
    y = pd.Series(0.3 * X["visit"] + rng.normal(size=30)[person] + rng.normal(size=180), name="y")
    return X, y


KEYWORDS = [
    (LMMRegressor, "REML", "it is written reml=True"),
    (LMMRegressor, "data", r"fit\(data, data\['y'\]\)"),
    (LMMRegressor, "re_formula", r"stand in the formula, 'x \+ \(x \| g\)'"),
    (LMMRegressor, "dispformula", "it is called scale here"),
    (LMMRegressor, "ziformula", "zero= is of models of counts"),
    (LMMRegressor, "class_weight", "weights of rows go to fit"),
    (LMMRegressor, "family", "PoissonGLMMRegressor for counts"),
    (LMMRegressor, "links", "did you mean link?"),
    (LMMRegressor, "whatever", "its parameters are formula, groups"),
    (PoissonGLMMRegressor, "ziformula", "it is called zero here"),
    (PoissonGLMMRegressor, "dispformula", "has no dispersion"),
    (BetaGLMMRegressor, "dispformula", "it is called precision here"),
    (BinomialGLMMClassifier, "nAGQ", "it is called n_quadrature here"),
    (BinomialGLMMClassifier, "class_weight", "TunedThresholdClassifierCV"),
]


@pytest.mark.parametrize(("estimator", "keyword", "told"), KEYWORDS)
def test_a_keyword_of_another_program_is_told_what_it_is_here(estimator, keyword, told):
    with pytest.raises(TypeError, match=rf"^{estimator.__name__} has no {keyword}: .*{told}"):
        estimator("x + (1 | g)", **{keyword: 1})


def test_estimators_of_others_keep_their_own_keywords():
    class Own(LMMRegressor):
        def __init__(self, formula=None, data=None):
            super().__init__(formula)
            self.data = data

    class Anything(LMMRegressor):
        def __init__(self, formula=None, **others):
            super().__init__(formula)
            self.others = others

    assert clone(Own("x", data="a")).data == "a"
    assert Anything("x", REML=True).others == {"REML": True}
    assert GLMMRegressor("x", family=None).family is None


@pytest.mark.parametrize("estimator", [LMMRegressor, BinomialGLMMClassifier])
def test_a_response_that_is_not_passed_is_asked_for(estimator, rows):
    X, y = rows
    with pytest.raises(ValueError, match=r"target y is None; call fit\(X, y\).*fit\(data, data"):
        estimator("y ~ visit").fit(X.assign(y=y))
    with pytest.raises(ValueError, match=r"y is the text 'y', expected .*fit\(X, X\['y'\]\)"):
        estimator("y ~ visit").fit(X.assign(y=y), "y")


def test_responses_in_another_order_are_warned_of(rows):
    X, y = rows
    model = LMMRegressor("visit + (1 | `person no.`)").fit(X, y)
    mixed = y.sample(frac=1.0, random_state=0)
    with pytest.warns(UserWarning, match=r"different orders.* pass y\.loc\[X\.index\]"):
        LMMRegressor("visit").fit(X, mixed)
    for same in (mixed.loc[X.index], y.to_numpy(), y.set_axis(range(1, 181))):
        assert clone(model).fit(X, same).log_likelihood_ == model.log_likelihood_


def test_shares_are_no_labels(rows):
    X, _ = rows
    with pytest.raises(ValueError, match=r"^Unknown label type: continuous.*Shares have models"):
        BinomialGLMMClassifier("visit").fit(X, np.linspace(0.1, 0.9, 180))


@pytest.mark.parametrize("parameter", ["groups", "exposure", "offset"])
def test_a_column_in_place_of_its_name_is_not_printed(parameter, rows):
    X, y = rows
    model = PoissonGLMMRegressor("visit", **{parameter: X["person no."]})
    with pytest.raises(TypeError, match=rf"^{parameter} is of type Series[;,].* name of a column"):
        model.fit(X, y.abs().round())


def test_groups_of_an_array_are_asked_for_names(rows):
    X, y = rows
    array = X[["visit", "person no."]].astype(str).to_numpy()
    with pytest.raises(DesignError, match=r"column 'person no\.', but X has no names that are"):
        LMMRegressor(groups="person no.").fit(array, y)
    frame = pd.DataFrame(array)  # as read_csv(header=None) has it
    with pytest.raises(DesignError, match=r"uses column '0'.*X\.columns\.astype\(str\)"):
        LMMRegressor("`0` + (1 | `1`)").fit(frame, y)
    named = frame.set_axis(frame.columns.astype(str), axis=1).astype({"0": float})
    assert LMMRegressor("`0` + (1 | `1`)").fit(named, y).n_levels_ == {"1": 30}


def test_dates_are_told_how_they_become_numbers_or_categories(rows):
    X, y = rows
    with pytest.raises(DesignError, match=r"X\['date'\]\.astype\(str\) makes categories"):
        LMMRegressor("date").fit(X, y)
    days = (X["date"] - X["date"].min()) / pd.Timedelta("1D")  # as the message has it
    assert LMMRegressor("date").fit(X.assign(date=days), y).coef_names_ == ["date"]
    with pytest.raises(DesignError, match=r"pd\.to_datetime\(X\['date'\]\) less a date"):
        LMMRegressor("date").fit(X.assign(date=X["date"].dt.date), y)
    model = LMMRegressor("visit + ar1(0 + date | `person no.`)")
    with pytest.raises(DesignError, match=r"\(X\['date'\] - X\['date'\]\.min\(\)\)\.dt\.days"):
        model.fit(X, y)
    weeks = (X["date"] - X["date"].min()).dt.days // 7
    with pytest.warns(SingularFitWarning, match=r"rho\(date \| person no\.\) is 1"):
        model.fit(X.assign(date=weeks), y)  # persons have a level each, at all times
    assert "rho(date | person no.)" in model.confint().index


def test_names_that_patsy_quotes_have_back_quotes_here(rows):
    with pytest.raises(FormulaError, match=r"in back quotes, `person no\.`"):
        LMMRegressor("visit + (1 | Q('person no.'))").fit(*rows)
    with pytest.raises(FormulaError, match=r"need no C\(\), write `person no\.`"):
        LMMRegressor("visit + (1 | C(`person no.`))").fit(*rows)


def test_counts_that_vary_much_more_are_a_warning_of_standard_errors(rows):
    X, rng = pd.concat([rows[0]] * 10), np.random.default_rng(1)
    for size, severity in ((3.0, "warning"), (12.0, "note")):
        y = rng.negative_binomial(size, size / (size + 3.0), len(X))
        found = PoissonGLMMRegressor("visit").fit(X, y).diagnose(X, y).to_frame()
        wide = found[found["finding"].str.contains("the counts vary")].iloc[0]
        assert wide["severity"] == severity
        assert ("times too small" in wide["finding"]) == (severity == "warning")


def test_ordered_classes_have_their_names_below_the_histogram(rows):
    plt = pytest.importorskip("matplotlib.pyplot")
    X, y = rows
    grade = np.take(["poor", "fair", "good"], np.digitize(y, [0.0, 1.0]))
    model = OrdinalGLMMClassifier("visit + (1 | `person no.`)", categories=["poor", "fair", "good"])
    display = DiagnosticsDisplay.from_estimator(model.fit(X, grade), X, grade, random_state=0)
    axis = display.axes_[3]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["poor", "fair", "good"]
    assert axis.get_xticks().tolist() == [1.0, 2.0, 3.0]
    plt.close("all")


def test_names_of_levels_do_not_overlap(rows):
    plt = pytest.importorskip("matplotlib.pyplot")
    X, y = rows
    model = LMMRegressor("visit + (1 | `person no.`)").fit(X, y)
    roomy = RandomEffectsDisplay.from_estimator(model).ax_
    low = plt.subplots(figsize=(4, 3.6))[1]
    RandomEffectsDisplay.from_estimator(model, ax=low)
    lowest = plt.subplots(figsize=(4, 1.5))[1]
    RandomEffectsDisplay.from_estimator(model, ax=lowest)
    for axis, ratio in ((roomy, 1.0), (low, 0.9)):
        labels = axis.get_yticklabels()
        step = 72 * axis.get_window_extent().height / axis.figure.dpi / len(labels)
        assert len(labels) == 30
        assert labels[0].get_fontsize() <= ratio * step
    assert lowest.get_ylabel() == "30 levels of person no., sorted"
    plt.close("all")
