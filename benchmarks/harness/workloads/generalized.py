"""The generalized linear mixed models that fits are timed on: simulated rows of each family."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from harness.goals import Goal
from harness.workloads.linear import SEED
from harness.workloads.workload import Source, Workload

__all__ = ["GENERALIZED"]

Rng = np.random.Generator
Draw = Callable[[Rng, np.ndarray], np.ndarray]  # from linear predictors to responses


def yes_or_no(rng: Rng, eta: np.ndarray) -> np.ndarray:
    return (rng.random(len(eta)) < 1.0 / (1.0 + np.exp(0.5 - eta))).astype(int)


def poisson(rng: Rng, eta: np.ndarray) -> np.ndarray:
    return rng.poisson(np.exp(0.5 + eta))


def negative_binomial(rng: Rng, eta: np.ndarray) -> np.ndarray:
    return rng.negative_binomial(1.5, 1.5 / (1.5 + np.exp(0.5 + eta)))


def zero_inflated(rng: Rng, eta: np.ndarray) -> np.ndarray:
    extra = rng.random(len(eta)) < 0.3
    return np.where(extra, 0, negative_binomial(rng, eta))


def gamma(rng: Rng, eta: np.ndarray) -> np.ndarray:
    return rng.gamma(2.0, np.exp(0.5 + eta) / 2.0)


def tweedie(rng: Rng, eta: np.ndarray) -> np.ndarray:
    """Draw with power 1.5 and dispersion 1: Poisson numbers of gamma amounts."""
    root = np.exp(0.5 * (0.5 + eta))
    number = rng.poisson(2.0 * root)
    return np.where(number > 0, rng.gamma(np.maximum(number, 1), root / 2.0), 0.0)


def simulated(draw: Draw, n: int, n_g: int, n_h: int = 0, *, slopes: bool = False) -> Callable:
    """A function that simulates `n` rows; the order of the draws is a part of them."""

    def frame() -> pd.DataFrame:
        rng = np.random.default_rng(SEED)
        g, h = rng.integers(0, n_g, n), rng.integers(0, max(n_h, 1), n)
        x = rng.normal(size=n)
        b = rng.normal(size=(n_g, 2)) @ np.array([[0.8, 0.2], [0.0, 0.4 * slopes]])
        eta = 0.5 * x + b[g, 0] * (1.0 if slopes else 0.75) + slopes * b[g, 1] * x
        codes = {"g": g}
        if n_h:
            eta, codes["h"] = eta + 0.5 * rng.normal(size=n_h)[h], h
        return pd.DataFrame({"x": x, **codes, "y": draw(rng, eta)})

    return frame


def verbal_aggression() -> pd.DataFrame:
    """As many people and items as in lme4's VerbAgg, whose columns have other values."""
    rng = np.random.default_rng(SEED)
    people, items = np.repeat(np.arange(316), 24), np.tile(np.arange(24), 316)
    anger, gender = rng.normal(20.0, 5.0, 316)[people], rng.choice(["F", "M"], 316)[people]
    kinds, places = np.array(["curse", "scold", "shout"]), np.array(["other", "self"])
    eta = 0.05 * (anger - 20.0) + 1.3 * rng.normal(size=316)[people]
    eta = eta + 0.5 * rng.normal(size=24)[items] - (items % 3) + 0.5
    codes = {"id": people, "item": items, "btype": kinds[items % 3], "situ": places[items // 3 % 2]}
    frame = pd.DataFrame({"Anger": anger, "Gender": gender, **codes})
    return frame.assign(y=yes_or_no(rng, eta))


def one(estimator: str, family: str, frame: Callable, faster: dict, **more: Any) -> Workload:
    """A model with random intercepts of g."""
    goal = Goal(faster=faster)
    return Workload(estimator, family, "y ~ x + (1 | g)", frame, ("g",), goal=goal, **more)


def binary(terms: str, frame: Callable[[], pd.DataFrame], **more: Any) -> Workload:
    names = ("BinomialGLMMClassifier", "binomial")
    groups, goal = more.pop("groups", ("g",)), more.pop("goal", HALF)
    return Workload(*names, f"y ~ {terms}", frame, groups, goal=goal, **more)


HALF = Goal(faster={"glmm": 2})
GENERALIZED = {
    "VerbAgg": binary(
        "Anger + Gender + btype + situ + (1 | id) + (1 | item)",
        verbal_aggression,
        groups=("id", "item"),
        source=Source("lme4", "VerbAgg", "r2", "Y"),
        goal=Goal(),
        size="quick",
    ),
    "binary-slope-100k": binary(
        "x + (1 + x | g)", simulated(yes_or_no, 100_000, 5_000, slopes=True)
    ),
    "binary-intercept-1m": binary("x + (1 | g)", simulated(yes_or_no, 1_000_000, 100_000)),
    "binary-crossed-100k": binary(
        "x + (1 | g) + (1 | h)", simulated(yes_or_no, 100_000, 5_000, 200), groups=("g", "h")
    ),
    "poisson-100k": one(
        "PoissonGLMMRegressor", "poisson", simulated(poisson, 100_000, 2_000), {"glmm": 3}
    ),
    "nb2-100k": one(
        "NegativeBinomialGLMMRegressor",
        "negative binomial",
        simulated(negative_binomial, 100_000, 2_000),
        {"glmm": 3},
    ),
    "gamma-100k": one("GammaGLMMRegressor", "gamma", simulated(gamma, 100_000, 2_000), {"glmm": 3}),
    "zinb-20k": one(
        "NegativeBinomialGLMMRegressor",
        "zero-inflated negative binomial",
        simulated(zero_inflated, 20_000, 500),
        {"glmmTMB": 75},
        parameters={"zero": "1"},
        zero="~1",
    ),
    "tweedie-20k": one(
        "TweedieGLMMRegressor", "tweedie", simulated(tweedie, 20_000, 500), {"glmmTMB": 75}
    ),
}
