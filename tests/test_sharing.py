"""Fitted estimators in files of skops: plain values, our own types, and the formulas checked."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal

import skglmm
from skglmm import BetaGLMMRegressor, FormulaError
from skglmm.design import learn

N = 120
ESTIMATORS = sorted(name for name in skglmm.__all__ if name.endswith("Regressor"))


def thirds(values):
    """A function that a context may have, as files name it."""
    return values / 3


def make_rows(seed=0):
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01")
    X = pd.DataFrame(
        {
            "x": rng.uniform(1, 3, N),
            "a b": rng.normal(size=N),
            "k": np.tile([3, 1, 2], N // 3),
            "c": np.tile(["v", "u: ü", "w", "w"], N // 4),
            "o": pd.Categorical(np.tile(["low", "high"], N // 2), ["low", "high"], ordered=True),
            "cut": pd.cut(rng.permutation(np.arange(N)), 3),
            "flag": np.tile([True, False, False], N // 3),
            "g": np.arange(N) % 8,
            "site": np.tile(list("aabb"), N // 4),
            "day": np.tile(pd.date_range(start, periods=6), N // 6),
            "zone": np.tile(pd.date_range(start, periods=6, tz="Europe/Berlin"), N // 6),
            "date": np.tile(pd.date_range(start, periods=6).date, N // 6),
            "month": np.tile(pd.period_range("2024-01", periods=6, freq="M"), N // 6),
        }
    )
    effect = rng.normal(scale=0.5, size=8)[X["g"]]
    mean = 1 / (1 + np.exp(-(0.3 * X["x"] + effect - 0.5)))
    return X, rng.beta(6 * mean, 6 * (1 - mean))


def shared(model, **options):
    """Return a model that went through a file; every type that skops asks about is our own."""
    file = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=file)
    mine = ("skglmm.", f"{__name__}.")
    assert [name for name in types if not name.startswith(mine)] == []
    return skops.io.loads(file, trusted=types)


def assert_same(model, X):
    again = shared(model)
    assert_array_equal(again.predict(X), model.predict(X))
    assert_array_equal(again.predict(X[:7]), model.predict(X[:7]))
    assert again.formula_ == model.formula_
    assert_array_equal(again.coef_names_, model.coef_names_)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning")
def test_every_estimator_can_be_shared(name):
    X, y = make_rows()
    y[:6] = {"Zero": 0, "OneI": 1}.get(name[:4], y[:6])
    if name.startswith(("ZeroOne", "Ordered", "Extended")):
        y[:6], y[6:12] = 0, 1
    kinds = {"Binomial": y > 0.5, "BetaBinomial": y > 0.5}
    counts = ("Poisson", "NegativeBinomial", "GeneralizedPoisson", "ConwayMaxwellPoisson")
    kinds |= dict.fromkeys(counts, np.round(20 * y))
    y = kinds.get(name.split("GLMM")[0], y)
    model = getattr(skglmm, name)("x + (1 | g)").fit(X, y)
    again = shared(model)
    assert_array_equal(again.predict(X), model.predict(X))
    assert str(again.summary()) == str(model.summary())
    assert_array_equal(again.sample_y(X, random_state=0), model.sample_y(X, random_state=0))


FORMULAS = [
    "poly(x, 2) + scale(`a b`) + center(k)",
    "bs(x, df=4) + cr(`a b`, df=3)",
    "cc(x, df=3) + standardize(`a b`)",
    "C(c, contr.sum) + C(k):x + o",
    "C(c, contr.treatment('w'))*flag",
    "C(x > 2) + cut",
    "x + (poly(`a b`, 2) || g) + (1 | site:c)",
    "x + (1 |p| g) + (0 + `a b` |p| g) + (1 | flag)",
    "thirds(x) + (1 | day)",
    "x + (1 | zone)",
    "x + (1 | date)",
    "x + (1 | month)",
    "x + (1 | cut)",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_kind_of_column_and_term_can_be_shared(formula):
    X, y = make_rows(1)
    model = BetaGLMMRegressor(formula, precision="1 + C(o)", context={"thirds": thirds})
    assert_same(model.fit(X, y), X)


@pytest.mark.parametrize("columns", [None, [10, 20], [1.5, 3.0], [0, 1]])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_of_columns_without_names_can_be_shared(columns):
    X, y = make_rows(2)
    rows = X[["x", "a b"]].to_numpy()
    data = rows if columns is None else pd.DataFrame(rows, columns=columns)
    assert_same(BetaGLMMRegressor().fit(data, y), data)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_models_with_the_effects_of_new_groups_can_be_shared():
    X, y = make_rows(6)
    model = BetaGLMMRegressor("x + (x || g) + (1 | site)").fit(X, y)
    new = X.assign(g=X["g"] + 100)
    assert_same(model.condition(new, y), new)


def test_files_do_not_grow_with_the_rows():
    X, y = make_rows(3)
    sizes = []
    for times in (1, 4):
        rows = pd.concat([X] * times, ignore_index=True)
        sizes.append(
            len(skops.io.dumps(BetaGLMMRegressor("poly(x, 2)").fit(rows, np.tile(y, times))))
        )
    assert abs(sizes[1] - sizes[0]) < 200


def test_a_file_with_an_expression_that_fit_refuses_is_refused():
    X, y = make_rows(4)
    model = BetaGLMMRegressor("log(x)").fit(X, y)
    spec = model._spec.specs["fixed0"]
    vars(spec)["text"] = "1 + open(x)"
    with pytest.raises(FormulaError, match="the function 'open' is not known"):
        shared(model)
    with pytest.raises(FormulaError, match="the function 'open' is not known"):
        pickle.loads(pickle.dumps(model))


def test_nothing_is_learned_from_the_rows_of_a_prediction():
    X, _ = make_rows(5)
    spec, _ = learn(X, {"mean": "1 + center(x)"})
    vars(spec.specs["fixed0"])["states"] = {}
    with pytest.raises(skglmm.DesignError, match=r"fit has kept nothing that 'center\(x\)'"):
        spec.build(X[:5])
