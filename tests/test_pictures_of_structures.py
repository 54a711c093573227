"""Displays and averages of effects of times and places."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skglmm import LMMRegressor
from skglmm.covariance import Autoregressive, Extended
from skglmm.covariance.homogeneous import Homogeneous
from skglmm.estimators.reading.rows import build_rows
from skglmm.exceptions import DesignError
from skglmm.inference import average_interval
from skglmm.inference.parameters.new_places import at_new_places
from skglmm.inference.prediction.intervals import mean_interval
from skglmm.inspection import PredictionDisplay

RNG = np.random.default_rng(5)
TIMES = pd.DataFrame({"t": np.tile([0, 1, 2, 4, 7], 12), "g": np.repeat(list("abcdef"), 10)})
AT = RNG.uniform(0, 4, (30, 2))
FIELD = pd.DataFrame(AT, columns=["e", "n"])
NEW = pd.DataFrame(RNG.uniform(0, 4, (7, 2)), columns=["e", "n"])


@pytest.fixture(scope="module")
def line():
    y = np.sin(TIMES["t"] + TIMES["g"].map(ord)) + RNG.normal(0, 0.3, 60)
    return LMMRegressor("ar1(0 + t | g)").fit(TIMES, y), y


@pytest.fixture(scope="module")
def field():
    y = np.sin(FIELD["e"]) + np.cos(FIELD["n"]) + RNG.normal(0, 0.3, 30)
    return LMMRegressor("exp(0 + e + n | 1)").fit(FIELD, y), y


def design_of(model, frame):
    return build_rows(model._spec, frame, "conditional", model.new_groups, None)


def test_curves_over_whole_times_go_from_time_to_time(line):
    model, y = line
    some = TIMES[(TIMES["g"] != "b") | (TIMES["t"] > 0)]  # no words of a column that is not used
    display = PredictionDisplay.from_estimator(model, some, y[some.index], feature="t", by="g")
    first, second = display.curves[:2]
    assert_array_equal(first.x, [0, 1, 2, 4, 7])
    assert_array_equal(second.x, [1, 2, 4, 7])
    assert_allclose(first.mean, model.predict(TIMES[:5]))
    assert_allclose(first.limits, model.predict_interval(TIMES[:5]))
    plt.close(display.figure_)


def test_missing_times_are_called_times_where_they_are(line, field):
    with pytest.raises(DesignError, match="column of times 't' has 60 missing"):
        line[0].predict(TIMES.assign(t=np.nan))
    with pytest.raises(DesignError, match="coordinate column 'e' has 7 missing"):
        field[0].predict(NEW.assign(e=np.nan))


def test_one_field_over_all_rows_has_curves_of_its_own(field):
    model, y = field
    display = PredictionDisplay.from_estimator(
        model, FIELD, y, feature="e", others="typical", n_points=5
    )
    (curve,) = display.curves
    rows = pd.DataFrame({"e": curve.x, "n": FIELD["n"].median()})
    assert display.kind == "conditional"
    assert_allclose(curve.mean, model.predict(rows))
    plt.close(display.figure_)


def test_rows_at_new_places_are_asked_for_one_by_one(field, monkeypatch):
    model, asked, solved = field[0], [], []
    among, between = Homogeneous.among, Homogeneous.between
    monkeypatch.setattr(Homogeneous, "among", lambda *a: asked.append(len(a[2])) or among(*a))
    monkeypatch.setattr(Homogeneous, "between", lambda *a: solved.append(len(a[2])) or between(*a))
    found = model.predict_frame(NEW)
    assert set(asked) == {1}
    assert len(solved) == 2 + 2 * 2  # for means and for responses, and both derivatives once
    fit, design = at_new_places(model.fit_, design_of(model, NEW)[0])
    together = mean_interval(fit, design, design_of(model, NEW)[1], 0.95)
    assert_allclose(found["mean_se"], together.se, rtol=1e-10)
    assert_allclose(found["mean_ci_lower"], together.lower, rtol=1e-10)


def test_averages_over_new_places_have_their_errors_together(field):
    model = field[0]
    design, plan = design_of(model, NEW)
    every, ones = np.arange(len(NEW)), np.ones(len(NEW))
    apart = average_interval(model.fit_, design, plan, every, ones, 0.95)
    assert_allclose(np.column_stack(apart), model.predict_interval(NEW), rtol=1e-8)
    low, high = average_interval(model.fit_, design, plan, every * 0, ones / len(NEW), 0.95)
    fit, rows = at_new_places(model.fit_, design)
    weights = rows.columns[0].toarray().mean(axis=0)
    moved = np.append(np.eye(1, fit.shape.n_params), weights @ _moves(fit).T)
    own = fit.lambdas[0].T @ weights
    q = len(FIELD)
    posterior = model.fit_.posterior.between(0, 0, np.zeros(1, int), np.zeros(1, int))[:, :, 0]
    gradient = moved[: fit.shape.n_params] + moved[fit.shape.n_params :]
    variance = gradient @ fit.uncertainty.covariance @ gradient
    variance += own[:q] @ posterior @ own[:q] + own[q:] @ own[q:]
    assert_allclose((high - low) / 2 / 1.959964, np.sqrt(variance), rtol=1e-6)


def _moves(fit):
    """Derivatives of the modes in all parameters, (n_params, k), of a fit of one factor."""
    moves = fit.lambdas[0] @ fit.mode_jacobian[0]
    for m, change in enumerate(fit.layout.factors[0].covariance.moves(fit.theta[0])):
        moves[fit.shape.theta(0).start + m] += fit.bases[0] @ change @ fit.u[0]
    return moves[:, :, 0]


def test_extensions_to_other_times_are_other_covariances():
    first, second = (Extended.of(Autoregressive(2), np.array([[t]])) for t in (2.0, 3.0))
    assert first == Extended.of(Autoregressive(2), np.array([[2.0]]))
    assert len({first, second, first.apart}) == 3
