"""The generalized linear mixed models that fits are timed on: simulated rows of each family."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from linear_workloads import SEED

__all__ = ["WORKLOADS", "Workload"]

Rng = np.random.Generator


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


@dataclass(frozen=True)
class Workload:
    """A model of responses ``y``, and the rows to fit it to.

    Parameters
    ----------
    estimator : str
        Its name in skglmm.
    family : str
        What R calls it, an expression.
    draw : callable
        From linear predictors to responses.
    n, n_g, n_h : int
        Rows, levels of g and of h.
    formula : str
    parameters : dict
        Of the estimator, beside the formula.
    zero : str, default="~0"
        Formula of extra zeros for glmmTMB.
    in_glmm : str or None
        What the package glmm calls the family; None if it has none.
    in_lme4 : bool
        Whether lme4 has it.
    """

    estimator: str
    family: str
    draw: Callable[[Rng, np.ndarray], np.ndarray]
    n: int
    n_g: int
    n_h: int = 0
    formula: str = "y ~ x + (1 | g)"
    parameters: dict[str, Any] = field(default_factory=dict)
    zero: str = "~0"
    in_glmm: str | None = None
    in_lme4: bool = False

    @property
    def groups(self) -> list[str]:
        """The columns that group rows."""
        return ["g", "h"] if self.n_h else ["g"]

    def frame(self) -> pd.DataFrame:
        """Return the rows; the order of the draws is a part of them."""
        rng, has_slopes = np.random.default_rng(SEED), "1 + x" in self.formula
        g, h = rng.integers(0, self.n_g, self.n), rng.integers(0, max(self.n_h, 1), self.n)
        x = rng.normal(size=self.n)
        b = rng.normal(size=(self.n_g, 2)) @ np.array([[0.8, 0.2], [0.0, 0.4 * has_slopes]])
        eta = 0.5 * x + b[g, 0] * (1.0 if has_slopes else 0.75) + has_slopes * b[g, 1] * x
        codes = {"g": g}
        if self.n_h:
            eta, codes["h"] = eta + 0.5 * rng.normal(size=self.n_h)[h], h
        return pd.DataFrame({"x": x, **codes, "y": self.draw(rng, eta)})


def _binary(n: int, n_g: int, n_h: int = 0, formula: str = "y ~ x + (1 | g)") -> Workload:
    names = ("BinomialGLMMClassifier", "binomial")
    return Workload(*names, yes_or_no, n, n_g, n_h, formula, in_glmm="binomial", in_lme4=True)


WORKLOADS = {
    "binary-slope-100k": _binary(100_000, 5_000, formula="y ~ x + (1 + x | g)"),
    "binary-intercept-1m": _binary(1_000_000, 100_000),
    "binary-crossed-100k": _binary(100_000, 5_000, 200, "y ~ x + (1 | g) + (1 | h)"),
    "poisson-100k": Workload(
        "PoissonGLMMRegressor", "poisson", poisson, 100_000, 2_000, in_glmm="poisson", in_lme4=True
    ),
    "nb2-100k": Workload(
        "NegativeBinomialGLMMRegressor",
        "nbinom2",
        negative_binomial,
        100_000,
        2_000,
        in_glmm="negativebinomial",
    ),
    "gamma-100k": Workload(
        "GammaGLMMRegressor", 'Gamma("log")', gamma, 100_000, 2_000, in_glmm="gamma"
    ),
    "zinb-20k": Workload(
        "NegativeBinomialGLMMRegressor",
        "nbinom2",
        zero_inflated,
        20_000,
        500,
        parameters={"zero": "1"},
        zero="~1",
    ),
    "tweedie-20k": Workload("TweedieGLMMRegressor", "tweedie", tweedie, 20_000, 500),
}
