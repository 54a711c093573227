"""The adapter to marginaleffects: means, comparisons and slopes with our covariance."""

import importlib
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from scipy.stats import norm
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skglmm import BetaGLMMRegressor
from skglmm.inspection import to_marginaleffects

# of marginaleffects, about its own use of polars
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def me():
    return pytest.importorskip("marginaleffects")


def simulated():
    rng = np.random.default_rng(9)
    g, x = np.repeat(np.arange(20), 15), rng.normal(size=300)
    kind = np.resize(["low", "mid", "high"], 300)
    eta = 0.2 + (0.5 + rng.normal(0, 0.4, 20)[g]) * x + rng.normal(0, 0.8, 20)[g]
    eta = eta + 0.4 * (kind == "mid") + 0.6 * (kind == "high")
    y = rng.beta(9 * expit(eta), 9 * expit(-eta)).clip(1e-9, 1 - 1e-9)
    frame = pd.DataFrame(
        {
            "x": x,
            "w": rng.normal(size=300),
            "kind": pd.Categorical(kind, ["low", "mid", "high"]),
            "grade": np.resize([1, 2, 2, 1, 1], 300),
            "flag": x > 0.5,
            "herd": [f"h{i:02d}" for i in g],
        }
    )
    return frame, 10 + 20 * y


@pytest.fixture(scope="module")
def data():
    return simulated()


@pytest.fixture(scope="module")
def model(data):
    formula = "x * kind + C(grade) + flag + (1 + x | herd)"
    return BetaGLMMRegressor(formula, precision="w", bounds=(10, 30)).fit(*data)


# Their derivatives are forward differences with a relative step of 1.5e-8: five digits or more.
CLOSE = 1e-5


@pytest.mark.parametrize("kind", ["fixed", "marginal"])
def test_predictions_are_those_of_predict_frame(me, model, data, kind):
    X, _ = data
    found = me.predictions(to_marginaleffects(model, X, kind))
    expected = model.predict_frame(X, kind=kind)
    assert_allclose(found["estimate"], expected["mean"], rtol=1e-12)
    assert_allclose(found["std_error"], expected["mean_se"], rtol=CLOSE)


@pytest.mark.parametrize("kind", ["fixed", "marginal"])
def test_average_comparisons_are_differences_of_average_predictions(me, model, data, kind):
    X, _ = data
    adapter = to_marginaleffects(model, X, kind)
    found = me.avg_comparisons(adapter, variables={"kind": ["low", "high"], "grade": "reference"})
    means = {
        (name, value): model.predict(X.assign(**{name: value}), kind=kind).mean()
        for name, value in (("kind", "low"), ("kind", "high"), ("grade", 1), ("grade", 2))
    }
    by_term = dict(zip(found["term"], found["estimate"], strict=True))
    assert_allclose(by_term["kind"], means["kind", "high"] - means["kind", "low"])
    assert_allclose(by_term["grade"], means["grade", 2] - means["grade", 1])


def test_the_standard_error_of_an_average_slope_is_that_of_the_delta_method(me, model, data):
    X, _ = data
    found = me.avg_slopes(to_marginaleffects(model, X), variables="x", eps_vcov=1e-6)
    names = list(model.coef_names_)
    slopes = np.zeros((len(X), 1 + len(names)))
    slopes[:, 1 + names.index("x")] = 1.0
    for level in ("mid", "high"):
        slopes[:, 1 + names.index(f"x:kind[T.{level}]")] = X["kind"] == level
    columns = model._spec.build(X).fixed[0]
    beta = np.concatenate([[model.intercept_], model.coef_])
    mu, by_x = expit(columns @ beta), slopes @ beta
    of_mu = mu * (1 - mu)
    gradient = (of_mu * (1 - 2 * mu) * by_x)[:, None] * columns + of_mu[:, None] * slopes
    gradient = 20 * gradient.mean(axis=0)
    covariance = model.vcov().iloc[: len(beta), : len(beta)]
    assert_allclose(found["estimate"].item(), 20 * np.mean(of_mu * by_x), rtol=1e-6)
    expected = np.sqrt(gradient @ covariance @ gradient)
    assert_allclose(found["std_error"].item(), expected, rtol=1e-4)
    reach = norm.ppf(0.975) * expected
    assert_allclose(found["conf_low"].item(), 20 * np.mean(of_mu * by_x) - reach, rtol=1e-3)


def test_the_variables_are_those_of_the_mean(me, model, data):
    found = me.avg_slopes(to_marginaleffects(model, data[0]))
    assert set(found["term"]) == {"x", "kind", "grade", "flag"}


def test_slopes_without_a_fixed_one_change_the_marginal_mean_alone(me, data):
    X, y = data
    model = BetaGLMMRegressor("kind + (x | herd)", bounds=(10, 30)).fit(X, y)
    fixed, marginal = (to_marginaleffects(model, X, kind) for kind in ("fixed", "marginal"))
    assert fixed.find_predictors() == ["kind"]
    assert set(marginal.find_predictors()) == {"kind", "x"}
    assert np.ptp(me.slopes(marginal, variables="x")["estimate"].to_numpy()) > 0


def test_grids_of_new_rows_and_averages_by_group_are_predicted(me, model, data):
    X, _ = data
    adapter = to_marginaleffects(model, X)
    # Not `me.datagrid`: marginaleffects 0.6 puts the module there as soon as something else ran.
    datagrid = importlib.import_module("marginaleffects.datagrid").datagrid
    grid = datagrid(model=adapter, x=[-1, 0, 1], kind=["low", "high"])
    found = me.predictions(adapter, newdata=grid)
    rows = pd.DataFrame({name: found[name].to_list() for name in X})
    expected = model.predict(rows.assign(grade=rows["grade"].astype(int)), kind="fixed")
    assert len(found) == 6
    assert_allclose(found["estimate"], expected)
    means = me.avg_predictions(adapter, by="herd")
    expected = pd.Series(model.predict(X, kind="fixed")).groupby(X["herd"]).mean()
    assert_allclose(means["estimate"], expected[means["herd"].to_list()])


def test_all_combinations_of_categories_are_a_grid(me, data):
    X, y = data
    model = BetaGLMMRegressor("kind + C(grade) + (1 | herd)", precision="w", bounds=(10, 30))
    adapter = to_marginaleffects(model.fit(X, y), X)
    assert len(me.predictions(adapter, newdata="balanced")) == 6


def test_arrays_and_polars_frames_are_rows_too(me, data):
    X, y = data
    other = pl.DataFrame({name: X[name].to_list() for name in ("x", "herd")})
    model = BetaGLMMRegressor("x + (1 | herd)", bounds=(10, 30)).fit(other, y)
    found = me.predictions(to_marginaleffects(model, other))
    assert_allclose(found["estimate"], model.predict(other, kind="fixed"))
    array = X[["x", "w"]].to_numpy()
    model = BetaGLMMRegressor("x0 + x1", bounds=(10, 30)).fit(array, y)
    found = me.avg_slopes(to_marginaleffects(model, array))
    assert found["term"].to_list() == ["x0", "x1"]


def test_without_the_package_the_message_says_what_to_install(model, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "marginaleffects", None)
    monkeypatch.setitem(sys.modules, "marginaleffects.classes", None)
    with pytest.raises(ImportError, match=r"pip install 'skglmm\[marginaleffects\]'"):
        to_marginaleffects(model, data[0])


def test_what_cannot_be_wrapped_is_refused(model, data):
    X, y = data
    with pytest.raises(ValueError, match="kind='conditional' is unknown"):
        to_marginaleffects(model, X, "conditional")
    with pytest.raises(TypeError, match=r"type Pipeline.*pass pipe\[-1\]"):
        to_marginaleffects(make_pipeline(model), X)
    with pytest.raises(NotFittedError):
        to_marginaleffects(BetaGLMMRegressor("x"), X)
    quick = BetaGLMMRegressor("x", bounds=(10, 30), inference=False).fit(X, y)
    with pytest.raises(ValueError, match="inference=True"):
        to_marginaleffects(quick, X)
    with pytest.raises(ValueError, match="unknown column 'x'"):
        to_marginaleffects(model, X.drop(columns="x"))
