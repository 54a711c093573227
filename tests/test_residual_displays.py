"""Pictures of residuals: envelopes and smooths against theory, and what is drawn where."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skglmm import BetaGLMMRegressor
from skglmm.datasets import load_petrol
from skglmm.inspection import DiagnosticsDisplay, ResidualDisplay, residuals
from skglmm.inspection.checks.envelope import normal_envelope, normal_scores
from skglmm.inspection.data.smooth import smooth


@pytest.fixture(autouse=True)
def _no_figures_left():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def petrol():
    X, y = load_petrol(return_X_y=True)
    return BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y), X, y


@pytest.fixture(scope="module")
def small_groups():
    """300 groups of 4 rows, whose predicted effects take a good part of the residuals away."""
    rng = np.random.default_rng(5)
    code = np.repeat(np.arange(300), 4)
    x = rng.normal(size=len(code))
    mu = expit(0.5 * x + rng.normal(0, 1.0, 300)[code])
    y = rng.beta(6 * mu, 6 * (1 - mu)).clip(1e-9, 1 - 1e-9)
    X = pd.DataFrame({"x": x, "g": code})
    return BetaGLMMRegressor("x + (1 | g)").fit(X, y), X, pd.Series(y, name="share")


def inside(envelope, sample):
    places = np.searchsorted(normal_scores(len(sample)), envelope.score)
    found = np.sort(sample)[places]
    return bool(np.all((envelope.lower <= found) & (found <= envelope.upper)))


# --- envelopes and smooths ------------------------------------------------------------------------


@pytest.mark.parametrize("n", [7, 60, 3000])
def test_nineteen_of_twenty_normal_samples_lie_inside_the_envelope_everywhere(n):
    rng = np.random.default_rng(n)
    envelope = normal_envelope(n, 0.95, rng)
    kept = np.mean([inside(envelope, rng.normal(size=n)) for _ in range(1000)])
    # standard errors of 0.007 of these samples and of those behind the envelope
    assert kept == pytest.approx(0.95, abs=0.03)


def test_normal_scores_are_the_expected_sorted_numbers():
    rng = np.random.default_rng(3)
    expected = np.sort(rng.normal(size=(20_000, 9)), axis=1).mean(axis=0)
    # plotting positions (i - 1/2) / n lie 0.11 further out at the ends
    assert_allclose(normal_scores(9), expected, atol=0.13)
    assert_allclose(normal_scores(9), -normal_scores(9)[::-1], atol=1e-12)


def test_an_envelope_notices_residuals_that_are_too_large():
    rng = np.random.default_rng(0)
    envelope = normal_envelope(500, 0.95, rng)
    assert not inside(envelope, 1.3 * rng.normal(size=500))


def test_a_smooth_of_a_straight_line_is_the_line():
    rng = np.random.default_rng(0)
    x = np.append(rng.normal(size=99), 8.0)  # one is far from the others
    found = smooth(x, 3 - 2 * x)
    assert_allclose(found.mean, 3 - 2 * found.x, rtol=1e-10)
    assert_allclose(found.x[[0, -1]], [x.min(), x.max()])


def test_standard_errors_of_a_smooth_are_those_of_repeated_samples():
    rng = np.random.default_rng(1)
    x = rng.uniform(size=200)
    fits = [smooth(x, rng.normal(size=200)) for _ in range(400)]
    spread = np.std([fit.mean for fit in fits], axis=0)
    # 400 samples give standard deviations within 3.5 %, and this the largest error of 80
    assert_allclose(np.mean([fit.se for fit in fits], axis=0), spread, rtol=0.15)


def test_there_is_no_smooth_of_few_rows_or_values():
    assert smooth(np.arange(10.0), np.arange(10.0)) is None
    assert smooth(np.repeat([0.0, 1.0], 50), np.arange(100.0)) is None
    halves = np.append(np.zeros(80), np.arange(1.0, 21.0))  # most rows in one place
    assert np.isfinite(smooth(halves, np.ones(100)).mean).all()


# --- residuals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["quantile", "pearson", "deviance", "response"])
def test_residuals_of_predicted_effects_are_those_of_the_function(petrol, kind):
    model, X, y = petrol
    display = ResidualDisplay.from_estimator(model, X, y, residual=kind, effects="predicted")
    expected = residuals(model, X, y, kind=kind)
    points = display.scatter_.get_offsets()
    assert_allclose(points[:, 0], model.predict(X), rtol=1e-12)
    assert_allclose(points[:, 1], expected, rtol=1e-12)
    assert display.ax_.get_xlabel() == "fitted mean of Y"
    assert display.ax_.get_ylabel() == f"{kind} residual"


def test_averaged_effects_give_residuals_about_the_average(petrol):
    model, X, y = petrol
    display = ResidualDisplay.from_estimator(model, X, y, residual="pearson", effects="averaged")
    assert_allclose(display.fitted, model.predict(X, kind="marginal"), rtol=1e-12)
    assert_allclose(display.residual, residuals(model, X, y, "pearson", conditional=False))


def test_new_rows_have_residuals_about_the_average(petrol):
    model, X, y = petrol
    new = X.head(3).assign(batch="unseen")
    display = ResidualDisplay.from_estimator(model, new, y[:3], effects="averaged")
    assert display.smooth is None
    assert display.smooth_line_ is None
    with pytest.raises(ValueError, match="not those of fit"):
        ResidualDisplay.from_estimator(model, new, y[:3])


def test_residuals_of_drawn_effects_are_normal_also_in_small_groups(small_groups):
    model, X, y = small_groups
    arguments = {"kind": "qq", "random_state": 0}
    drawn = ResidualDisplay.from_estimator(model, X, y, **arguments)
    predicted = ResidualDisplay.from_estimator(model, X, y, effects="predicted", **arguments)
    assert inside(drawn.envelope, drawn.residual)
    assert not inside(predicted.envelope, predicted.residual)
    assert np.var(predicted.residual) < 0.9 < np.var(drawn.residual)


def test_a_flat_smooth_says_that_the_mean_is_right_and_a_bent_one_that_it_is_not():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 2, size=600)
    mu = expit(x**3 - 1.5)
    y = rng.beta(9 * mu, 9 * (1 - mu)).clip(1e-9, 1 - 1e-9)
    X = pd.DataFrame({"x": x})
    worst = {}
    for formula in ("I(x**3)", "x"):
        model = BetaGLMMRegressor(formula).fit(X, y)
        found = ResidualDisplay.from_estimator(model, X, y, random_state=0).smooth
        worst[formula] = np.abs(found.mean / found.se).max()
    assert worst["I(x**3)"] < 4 < worst["x"]


def test_the_sorted_residuals_stand_against_normal_quantiles(petrol):
    model, X, y = petrol
    display = ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=0, level=0.9)
    points = display.scatter_.get_offsets()
    assert_array_equal(points[:, 1], np.sort(display.residual))
    assert_allclose(points[:, 0], normal_scores(len(X)))
    assert display.ax_.get_xlabel() == "normal quantile"
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["simultaneous 90 % envelope"]
    assert_array_equal(*display.reference_line_.get_data())


def test_one_seed_gives_one_picture(petrol):
    model, X, y = petrol
    first, second, other = (
        ResidualDisplay.from_estimator(model, X, y, kind="qq", random_state=seed)
        for seed in (1, 1, 2)
    )
    assert_array_equal(first.residual, second.residual)
    assert_array_equal(first.envelope.lower, second.envelope.lower)
    assert (first.residual != other.residual).any()


def test_arrays_are_drawn_and_arguments_reach_matplotlib():
    rng = np.random.default_rng(0)
    display = ResidualDisplay.from_residuals(
        rng.normal(size=60),
        rng.uniform(size=60),
        residual_name="difference",
        target_name="score",
        scatter_kwargs={"color": "red"},
        line_kwargs={"linewidth": 5},
    )
    assert display.ax_.get_ylabel() == "difference"
    assert display.ax_.get_xlabel() == "fitted mean of score"
    assert display.smooth_line_.get_linewidth() == 5
    assert display.reference_line_.get_ydata()[0] == 0
    assert_array_equal(display.scatter_.get_facecolor()[0, :3], [1, 0, 0])


def test_residuals_go_to_given_axes_and_again_to_others(petrol):
    model, X, y = petrol
    figure, axes = plt.subplots(1, 2)
    display = ResidualDisplay.from_estimator(model, X, y, kind="qq", ax=axes[1], random_state=0)
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.plot(axes[0]).ax_ is axes[0]
    assert plt.get_fignums() == [figure.number]


def test_a_pipeline_has_the_residuals_of_its_model(petrol):
    model, X, y = petrol
    pipeline = make_pipeline(FunctionTransformer(), BetaGLMMRegressor(**model.get_params()))
    pipeline.fit(X, y)
    found = ResidualDisplay.from_estimator(pipeline, X, y, random_state=0)
    expected = ResidualDisplay.from_estimator(model, X, y, random_state=0)
    assert_allclose(found.residual, expected.residual, rtol=1e-9)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "hist"}, "kind='hist' is unknown"),
        ({"residual": "raw"}, "residual='raw' is unknown"),
        ({"kind": "qq", "residual": "response"}, "only quantile residuals are normal"),
        ({"effects": "none"}, "effects='none' is unknown"),
        ({"residual": "pearson", "effects": "drawn"}, "take effects='predicted'"),
        ({"level": 1.5}, "level=1.5"),
    ],
)
def test_residuals_that_cannot_be_drawn_are_refused(petrol, arguments, words):
    model, X, y = petrol
    with pytest.raises(ValueError, match=r".") as caught:
        ResidualDisplay.from_estimator(model, X, y, **arguments)
    assert words in str(caught.value)


def test_missing_residuals_are_refused(petrol):
    _, X, y = petrol
    nan = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100), new_groups="nan").fit(X, y)
    new = X.assign(batch=X["batch"].astype(str).mask(X.index < 2, "unseen"))
    with pytest.raises(ValueError, match="2 of 32 residuals are missing"):
        ResidualDisplay.from_estimator(nan, new, y, effects="predicted")
    with pytest.raises(ValueError, match="pass them, or take kind='qq'"):
        ResidualDisplay.from_residuals([1.0, 2.0])


# --- four panels ----------------------------------------------------------------------------------


def test_diagnostics_have_four_panels(small_groups):
    model, X, y = small_groups
    display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
    assert [axis.get_title() for axis in display.axes_] == [
        "quantiles of the residuals",
        "trend of the residuals",
        "random effects: Intercept",
        "distribution of the responses",
    ]
    assert all(axis.get_xlabel() and axis.get_ylabel() for axis in display.axes_)
    assert display.axes_[1].get_xlabel() == "fitted mean of share"
    assert_array_equal(display.quantiles.residual, display.trend.residual)


def test_histograms_of_a_true_model_lie_between_simulated_ones(small_groups):
    model, X, y = small_groups
    found = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0).response
    assert found.observed.sum() == len(X)
    outside = (found.observed < found.lower) | (found.observed > found.upper)
    assert outside.mean() < 0.2  # 5 % of the bins, which are about 20


def test_without_random_effects_responses_stand_against_their_means(petrol):
    _, X, y = petrol
    model = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y)
    display = DiagnosticsDisplay.from_estimator(model, X, y, random_state=0)
    (points,) = display.axes_[2].collections
    assert_allclose(points.get_offsets(), np.column_stack([model.predict(X), y]))
    with pytest.raises(ValueError, match="no random effects"):
        DiagnosticsDisplay.from_estimator(model, X, y, group="batch")


def test_rows_of_weight_zero_are_left_out(petrol):
    _, X, y = petrol
    weight = np.where(np.arange(len(X)) < 5, 0.0, 2.0)
    model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100))
    model.fit(X, y, sample_weight=weight)
    display = DiagnosticsDisplay.from_estimator(model, X, y, sample_weight=weight, random_state=0)
    assert_array_equal(display.y, y[5:])
    assert len(display.quantiles.residual) == len(X) - 5


def test_diagnostics_use_given_axes(petrol):
    model, X, y = petrol
    figure, axes = plt.subplots(2, 2)
    display = DiagnosticsDisplay.from_estimator(model, X, y, ax=axes, random_state=0)
    assert list(display.axes_) == list(axes.ravel())
    assert display.ax_ is axes[0, 0]
    assert display.figure_ is figure
    with pytest.raises(ValueError, match="ax has 1 axes, expected 4"):
        display.plot(axes[0, 0])


def test_only_fitted_models_have_diagnostics(petrol):
    _, X, y = petrol
    with pytest.raises(NotFittedError):
        DiagnosticsDisplay.from_estimator(BetaGLMMRegressor("EP"), X, y)
    with pytest.raises(TypeError, match="FunctionTransformer"):
        ResidualDisplay.from_estimator(make_pipeline(FunctionTransformer()), X, y)
