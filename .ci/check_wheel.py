"""Fit, predict and print with skglmm as it was installed: without a checkout, without extras.

python -I .ci/check_wheel.py      in an environment that has the wheel and nothing else
"""

import pickle
import re
import sys
from importlib.metadata import requires, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

import skglmm
from skglmm.datasets import load_petrol, make_dragons

DEPENDENCIES = {"formulaic", "numpy", "pandas", "scikit-learn", "scipy"}
STRANGERS = ("dask", "marginaleffects", "matplotlib", "polars", "pytest")


def main() -> None:
    home = Path(skglmm.__file__).resolve()
    assert home.is_relative_to(Path(sys.prefix).resolve()), f"{home} is not what was installed"
    assert (home.parent / "py.typed").exists()
    assert version("skglmm") == skglmm.__version__
    declared = [line for line in requires("skglmm") or [] if "extra ==" not in line]
    assert {re.split(r"[^\w-]", line)[0] for line in declared} == DEPENDENCIES
    assert [name for name in STRANGERS if find_spec(name)] == [], "expected the wheel alone"
    print(f"skglmm {skglmm.__version__} with Python {sys.version.split()[0]}\n")
    fit_shares()
    fit_numbers()
    fit_counts_and_classes()
    print("\nThe wheel fits, predicts and prints.")


def fit_shares() -> None:
    X, y = load_petrol(return_X_y=True)
    model = skglmm.BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    print(model.summary())
    assert abs(model.log_likelihood_ + 86.77) < 0.01
    means, errors = model.predict(X, return_std=True)
    assert np.isfinite(means).all()
    assert (errors > 0.0).all()
    assert len(model.confint()) == len(model.confint(level=0.5))
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), means)


def fit_numbers() -> None:
    X, y = make_dragons(random_state=3, return_X_y=True)
    model = skglmm.LMMRegressor("bodyLength + (1 | mountainRange)").fit(X, y)
    print(model.summary())
    assert model.predict_interval(X.head()).shape == (5, 2)


def fit_counts_and_classes() -> None:
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=400), "g": np.repeat(np.arange(40), 10).astype(str)})
    eta = 0.5 + 0.3 * X["x"].to_numpy() + rng.normal(scale=0.5, size=40).repeat(10)
    counts = skglmm.PoissonGLMMRegressor("x + (1 | g)").fit(X, rng.poisson(np.exp(eta)))
    print(counts.tidy(effects=["fixed", "random"]).round(3).to_string())
    yes = rng.random(400) < 1.0 / (1.0 + np.exp(-eta))
    classes = skglmm.BinomialGLMMClassifier("x + (1 | g)").fit(X, yes)
    assert classes.predict_proba(X).shape == (400, 2)


if __name__ == "__main__":
    main()
