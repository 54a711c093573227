"""Pictures of marginal means, coefficients, classes and two features: what is drawn, and where."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import (
    BinomialGLMMClassifier,
    LMMRegressor,
    MultinomialGLMMClassifier,
    OrdinalGLMMClassifier,
    PoissonGLMMRegressor,
)
from skglmm.inspection import (
    ClassProbabilityDisplay,
    CoefficientDisplay,
    InteractionDisplay,
    MarginalMeansDisplay,
    PredictionDisplay,
    marginal_means,
    slopes,
)
from skglmm.inspection.data.coefficient_rows import CoefficientRow, Estimate
from skglmm.inspection.data.compact_letters import compact_letters
from skglmm.inspection.displays.estimates.mean_artists import p_text
from skglmm.inspection.displays.panels import style_of


@pytest.fixture(autouse=True)
def _no_windows_and_no_figures_left(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("a display must not show"))
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trial():
    """A factorial experiment in ten blocks: heights, ratings and counts."""
    rng = np.random.default_rng(2)
    block, kind, dose = (each.ravel() for each in np.mgrid[:10, :3, :2])
    X = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(kind, ["oak", "elm", "ash"]),
            "dose": np.array(["none", "some"])[dose],
            "rain": rng.normal(5, 1, 60),
            "block": block,
        }
    )
    eta = kind * (1.0 - 0.5 * dose) + 0.5 * dose + 0.3 * (X["rain"] - 5)
    eta = eta + rng.normal(0, 0.3, 10)[block]
    y = pd.Series(eta + rng.normal(0, 0.4, 60), name="height (m)")
    rating = pd.Series(1 + np.digitize(eta + rng.logistic(size=60), [0.5, 1.5]), name="rating")
    model = LMMRegressor("kind * dose + rain + (1 | block)").fit(X, y)
    return SimpleNamespace(
        X=X,
        y=y,
        rating=rating,
        model=model,
        small=LMMRegressor("kind + (1 | block)").fit(X, y),
        ordinal=OrdinalGLMMClassifier("kind + rain").fit(X, rating),
        counts=PoissonGLMMRegressor("kind + rain").fit(X, rng.poisson(np.exp(eta))),
    )


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def points(container):
    return container.lines[0].get_xydata()


# --- letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_means_have_a_letter_in_common_where_they_do_not_differ(seed):
    differ = np.random.default_rng(seed).random((6, 6)) < 0.1 * (seed % 10)
    differ = np.triu(differ, 1) | np.triu(differ, 1).T
    letters = compact_letters(differ)
    for i, j in combinations(range(6), 2):
        assert bool(set(letters[i]) & set(letters[j])) is not bool(differ[i, j])


def test_the_letters_are_those_of_a_textbook():
    # means 1 > 2 > 3 > 4, of which neighbors do not differ
    differ = np.abs(np.subtract.outer(np.arange(4), np.arange(4))) > 1
    assert compact_letters(differ) == ["a", "ab", "bc", "c"]
    assert compact_letters(np.zeros((3, 3), dtype=bool)) == ["a"] * 3


# --- marginal means -------------------------------------------------------------------------------


def test_points_and_limits_are_the_marginal_means(trial):
    display = MarginalMeansDisplay.from_estimator(
        trial.model, trial.X, trial.y, by=["kind", "dose"], level=0.9
    )
    means = marginal_means(trial.model, trial.X, by=["kind", "dose"], level=0.9).to_frame()
    assert len(display.containers_) == 2
    for drawn, dose in zip(display.containers_, ["none", "some"], strict=True):
        own = means[means["dose"] == dose]
        assert_allclose(points(drawn)[:, 1], own["estimate"])
        assert_array_equal(np.round(points(drawn)[:, 0]), [0, 1, 2])
        ends = np.array([bar[:, 1] for bar in drawn.lines[2][0].get_segments()])
        assert_allclose(ends, own[["conf_low", "conf_high"]])
    assert display.ax_.get_ylabel() == "mean of height (m)"
    assert display.ax_.get_xlabel() == "kind"
    assert display.legend_.get_title().get_text() == "dose"
    assert texts(display.legend_)[:3] == ["none", "some", "90 % limits"]
    markers = {drawn.lines[0].get_marker() for drawn in display.containers_}
    assert len(markers) == 2


def test_letters_are_those_of_the_contrasts(trial):
    display = MarginalMeansDisplay.from_estimator(
        trial.model, trial.X, by=["kind", "dose"], facet="dose"
    )
    assert [axis.get_title() for axis in display.axes_] == ["dose: none", "dose: some"]
    contrasts = display.means.contrasts(by="dose")
    letters = np.array([text.get_text() for text in display.marks_]).reshape(2, 3)
    rows = [display.means.labels.index(("oak", dose)) for dose in ("none", "some")]
    assert rows == [0, 1]
    assert contrasts.adjust == "tukey"
    frame = contrasts.to_frame()
    for dose, own in zip(("none", "some"), letters, strict=True):
        p_values = frame.loc[frame["dose"] == dose, "p_value"]
        for (i, j), p in zip(combinations(range(3), 2), p_values, strict=True):
            assert bool(set(own[i]) & set(own[j])) is (p >= 0.05)
    assert texts(display.legend_)[-1].endswith("p < 0.05, Tukey\nwithin dose")
    assert {letters[0][2]} == {"a"}  # the greatest


def test_brackets_join_the_means_that_differ(trial):
    display = MarginalMeansDisplay.from_estimator(
        trial.model, trial.X, by="kind", marks="brackets", alpha=0.01, adjust="holm"
    )
    p_values = display.contrasts.p_value
    assert len(display.marks_) == (p_values < 0.01).sum() > 0
    assert display.contrasts.adjust == "holm"
    assert "p < 0.001" in {text.get_text() for text in display.marks_}
    boxes = [text.get_window_extent() for text in display.marks_]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    top = display.means.limits[1].max()
    assert min(text.xy[1] for text in display.marks_) >= display.means.limits[1].min()
    assert display.ax_.get_ylim()[1] > top


def test_letters_stand_apart_and_within_the_axes(trial):
    display = MarginalMeansDisplay.from_estimator(
        trial.model, trial.X, by=["kind", "dose"], within=None
    )
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.marks_]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert max(box.y1 for box in boxes) < display.ax_.get_window_extent().y1


def test_classes_have_panels_with_probabilities(trial):
    display = MarginalMeansDisplay.from_estimator(trial.ordinal, trial.X, trial.rating, by="kind")
    assert [axis.get_title() for axis in display.axes_] == ["class: 1", "class: 2", "class: 3"]
    total = sum(points(drawn)[:, 1] for drawn in display.containers_)
    assert_allclose(total, 1.0)
    assert display.figure_.get_supylabel() == "probability of rating"


def test_means_that_are_there_and_slopes_are_drawn(trial):
    found = slopes(trial.model, trial.X, of="rain", by="kind")
    display = MarginalMeansDisplay.from_means(found)
    assert display.marks_ == []
    assert display.ax_.get_ylabel().startswith("slope of rain")
    means = marginal_means(trial.counts, trial.X, by="kind", scale="link")
    contrasts = means.contrasts(adjust="none")
    display = MarginalMeansDisplay.from_means(means, contrasts=contrasts, joined=True)
    assert "not adjusted" in texts(display.legend_)[-1]
    assert display.containers_[0].lines[0].get_linestyle() == "-"
    assert display.plot(errorbar_kwargs={"color": "k"}).containers_[0].lines[0].get_color() == "k"


def test_a_pipeline_and_given_axes_are_taken(trial):
    model = make_pipeline(FunctionTransformer(), LMMRegressor("kind")).fit(trial.X, trial.y)
    axis = plt.subplots()[1]
    display = MarginalMeansDisplay.from_estimator(model, trial.X, trial.y, by="kind", ax=axis)
    assert display.ax_ is axis


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "kind", "marks": "stars"}, "marks='stars'"),
        ({"by": "kind", "facet": "dose"}, "facet='dose' is no column of these means"),
        ({"by": "kind", "facet": "kind"}, "nothing stands along the axis"),
        (
            {"by": ["kind", "dose"], "facet": "dose", "within": None, "marks": "brackets"},
            "cannot join means of two panels",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(trial, options, message):
    with pytest.raises(ValueError, match=message):
        MarginalMeansDisplay.from_estimator(trial.model, trial.X, **options)


def test_contrasts_have_to_be_of_all_pairs(trial):
    means = marginal_means(trial.model, trial.X, by="kind")
    with pytest.raises(ValueError, match="letters need all pairs of 3 means, and 2 are"):
        MarginalMeansDisplay.from_means(means, contrasts=means.contrasts("reference"))
    with pytest.raises(ValueError, match="'mine' is of 3"):
        MarginalMeansDisplay.from_means(
            means, contrasts=means.contrasts({"mine": {"oak": -1, "elm": 0.5, "ash": 0.5}})
        )


# --- coefficients ---------------------------------------------------------------------------------


def test_a_forest_has_the_coefficients_of_all_models(trial):
    display = CoefficientDisplay.from_estimators(
        [trial.small, trial.model], names=["small", "large"], deviations=True
    )
    assert [(row.heading, row.label) for row in display.rows] == [
        ("kind", "elm"),
        ("kind", "ash"),
        ("dose", "some"),
        ("", "rain"),
        ("", "kind elm \N{MULTIPLICATION SIGN} dose some"),
        ("", "kind ash \N{MULTIPLICATION SIGN} dose some"),
    ]
    small, large = (points(drawn) for drawn in display.containers_[:2])
    terms = trial.small.tidy("fixed").set_index("term")["estimate"]
    assert_allclose(small[:, 0], terms[["kind[T.elm]", "kind[T.ash]"]])
    tidy = trial.model.tidy("fixed").set_index("term")["estimate"]
    expected = tidy[["kind[T.elm]", "kind[T.ash]", "dose[T.some]", "rain"]]
    assert_allclose(large[:4, 0], expected)
    assert texts(display.legend_) == ["small", "large", "95 % limits"]
    assert [row.heading for row in display.deviations] == ["block"]
    assert len(display.axes_) == 2
    assert display.ax_.get_xlabel() == "effect on the mean"


def test_ratios_have_an_axis_of_logarithms(trial):
    display = CoefficientDisplay.from_estimator(
        trial.counts, exponentiate=True, terms=["rain", "kind[T.ash]"], labels={"rain": "rain, cm"}
    )
    assert [row.label for row in display.rows] == ["rain, cm", "ash"]
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_xlabel() == "ratio of means"
    tidy = trial.counts.tidy("fixed", exponentiate=True).set_index("term")["estimate"]
    assert_allclose(points(display.containers_[0])[:, 0], tidy[["rain", "kind[T.ash]"]])


def test_coefficients_without_a_place_on_the_axis_are_written():
    row = CoefficientRow("r", "b", "", (Estimate(1e9, np.nan, np.inf),))
    drawn = CoefficientRow("q", "b", "", (Estimate(2.0, 1.0, 3.0),))
    display = CoefficientDisplay([drawn, row], are_ratios=True).plot()
    assert len(points(display.containers_[0])) == 1
    assert [text.get_text() for text in display.ax_.texts] == ["1e+09 (? to \N{INFINITY})"]


def test_line_styles_and_markers_of_groups_differ_without_colors():
    looks = [style_of(place)[1:] for place in range(4)]
    assert len(set(looks)) == 4
    assert len({style_of(place) for place in range(16)}) == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": ["snow"]}, "terms: 'snow' is in none of the models"),
        ({"labels": {"snow": "s"}}, "labels: 'snow' is in none"),
        ({"components": "shape"}, "components: 'shape' is in none"),
        ({"exponentiate": True}, "identity link are no logarithms of ratios"),
        ({"names": ["a", "b"]}, "has to name each of 1 models once"),
    ],
)
def test_coefficients_that_are_not_there_are_refused(trial, options, message):
    with pytest.raises(ValueError, match=message):
        CoefficientDisplay.from_estimator(trial.model, **options)


# --- classes, and two features --------------------------------------------------------------------


def test_probabilities_of_classes_are_stacked(trial):
    display = ClassProbabilityDisplay.from_estimator(
        trial.ordinal, trial.X, trial.rating, feature="rain", facet="kind", n_points=5
    )
    assert texts(display.legend_) == ["3", "2", "1"]
    assert display.legend_.get_title().get_text() == "rating"
    rows = pd.DataFrame({"rain": display.x, "kind": "elm"})
    assert_allclose(
        display.probabilities["kind: elm"], trial.ordinal.predict_proba(rows), rtol=1e-9
    )
    assert display.is_ordered


def test_classes_without_an_order_are_hatched(trial):
    model = MultinomialGLMMClassifier("kind", max_iter=50).fit(trial.X, trial.rating)
    display = ClassProbabilityDisplay.from_estimator(model, trial.X, feature="kind")
    assert not display.is_ordered
    assert [bars[0].get_hatch() for bars in display.areas_[0]][1:] == ["///", "..."]
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == ["oak", "elm", "ash"]
    with pytest.raises(ValueError, match="take PredictionDisplay"):
        ClassProbabilityDisplay.from_estimator(trial.model, trial.X, feature="rain")


@pytest.fixture(scope="module")
def sloped(trial):
    X = trial.X.assign(sun=np.cos(np.arange(60)))
    return LMMRegressor("rain * sun + dose").fit(X, trial.y), X


def test_lines_are_means_at_values_of_the_second_feature(sloped, trial):
    model, X = sloped
    display = InteractionDisplay.from_estimator(
        model, X, trial.y, features=("rain", "sun"), facet="dose", values=[-0.5, 0.5], n_points=4
    )
    assert len(display.lines_) == len(display.bands_) == 4
    rows = pd.DataFrame({"rain": display.x, "sun": 0.5, "dose": "some"})
    assert_allclose(display.lines_[-1].get_ydata(), model.predict(rows))
    assert len({line.get_linestyle() for line in display.lines_}) == 2
    assert texts(display.legend_) == ["-0.5", "0.5", "95 % limits"]


def test_a_map_has_contours_and_the_data(sloped, trial):
    model, X = sloped
    display = InteractionDisplay.from_estimator(
        model, X, trial.y, features=("rain", "sun"), style="map", n_points=6
    )
    assert display.mean[""].shape == (6, 6)
    assert display.ax_.get_ylabel() == "sun"
    assert display.colorbar_.ax.get_ylabel() == "mean of height (m)"
    assert_array_equal(display.ax_.lines[0].get_xydata(), X[["rain", "sun"]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("rain", "dose")}, "'dose' holds no numbers"),
        ({"features": "rain"}, "expected two columns"),
        ({"features": ("rain", "sun"), "style": "map", "values": [1]}, "values= are those of line"),
        ({"features": ("rain", "sun"), "values": range(9)}, "9 lines, expected 1 to 6"),
    ],
)
def test_two_features_have_to_be_numbers(sloped, options, message):
    model, X = sloped
    with pytest.raises(ValueError, match=message):
        InteractionDisplay.from_estimator(model, X, **options)


# --- predictions in panels ------------------------------------------------------------------------


def test_colors_in_panels_are_those_of_the_legend(trial):
    display = PredictionDisplay.from_estimator(
        trial.model, trial.X, trial.y, feature="rain", by=["kind", "dose"], facet="dose", n_points=3
    )
    for curve, line, cloud in zip(display.curves, display.lines_, display.scatters_, strict=True):
        assert_array_equal(line.get_ydata(), curve.mean)
        assert_array_equal(cloud.get_offsets().T, curve.data)
    pairs = zip(display.curves, display.lines_, strict=True)
    colors = {curve.group[0]: line.get_color() for curve, line in pairs}
    handles = display.legend_.get_lines()[:3]
    shown = [line.get_color() for line in handles]
    assert shown == [colors[name] for name in texts(display.legend_)[:3]]


def test_the_link_of_a_class_says_which_class(trial):
    y = pd.Series(np.where(trial.y > 1, "tall", "short"), name="size")
    model = BinomialGLMMClassifier("rain").fit(trial.X, y)
    display = MarginalMeansDisplay.from_estimator(
        model, trial.X, y, by="rain", at={"rain": [4, 6]}, scale="link", marks=None
    )
    assert display.ax_.get_ylabel() == "log odds of size = tall"


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(1e-9, "p < 0.001"), (0.0123, "p = 0.012"), (0.04973, "p = 0.0497"), (0.3, "p = 0.30")],
)
def test_p_values_are_written_as_in_journals(p_value, text):
    assert p_text(p_value) == text
