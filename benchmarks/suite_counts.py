"""Models of the reference cases of counts and of positive responses, and their dispersions."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import skglmm

__all__ = ["counts", "dispersion", "dispersion_formula", "positive", "sides"]

# The estimator of each family of glmmTMB, its own parameters, and by which power of its dispersion
# glmmTMB measures what it calls so.
FAMILIES: dict[str, tuple[str, dict[str, Any], float]] = {
    "poisson": ("PoissonGLMMRegressor", {}, 1.0),
    "nbinom2": ("NegativeBinomialGLMMRegressor", {}, -1.0),
    "nbinom1": ("NegativeBinomialGLMMRegressor", {"variance": "linear"}, 1.0),
    "genpois": ("GeneralizedPoissonGLMMRegressor", {}, 1.0),
    "compois": ("ConwayMaxwellPoissonGLMMRegressor", {}, 1.0),
    "Gamma": ("GammaGLMMRegressor", {}, -1.0),
    "ziGamma": ("GammaGLMMRegressor", {}, -1.0),
    "inverse_gaussian": ("InverseGaussianGLMMRegressor", {}, 1.0),
    "lognormal": ("LognormalGLMMRegressor", {}, 1.0),
    "tweedie": ("TweedieGLMMRegressor", {}, 1.0),
    "t": ("StudentTGLMMRegressor", {}, 1.0),
}
NAMES = ("theta", "alpha", "phi", "shape", "scale", "sigma")  # what R calls a dispersion
Made = tuple[Any, pd.DataFrame, np.ndarray, None]


def counts(case: dict[str, Any], rows: pd.DataFrame) -> Made:
    """Return the model of counts, its rows and its responses."""
    response, formula = sides(case)
    family = case["family"].removeprefix("truncated_")
    zero = _right(case["options"].get("ziformula", "~0"))
    own: dict[str, Any] = {} if zero == "0" else {"zero": zero}
    if case["family"].startswith("truncated_"):
        own |= {"zero_kind": "hurdle"} if own else {"truncated": True}
    model = _model(case, family, formula, own)
    return model, rows, rows[response].to_numpy(), None


def positive(case: dict[str, Any], rows: pd.DataFrame) -> Made:
    """Return the model of positive responses, or of those of a t distribution."""
    response, formula = sides(case)
    options, own = case["options"], {}
    zero, link = _right(options.get("ziformula", "~0")), case["link"]
    if case["family"] == "gaussian":  # of logarithms
        case, response, link = {**case, "family": "lognormal"}, options["response"], None
    if zero != "0":
        own["zero"] = zero
    if "df" in options:
        own["df"] = options["df"]
    if link in {"log", "inverse", "identity"}:
        own["link"] = link
    model = _model(case, case["family"], formula, own)
    return model, rows, rows[response].to_numpy(), None


def _model(case: dict[str, Any], family: str, formula: str, own: dict[str, Any]) -> Any:
    name, parameters, _ = FAMILIES[family]
    own = {**parameters, **own}
    formula_of = _right(case["options"].get("dispformula", "~1"))
    estimator = getattr(skglmm, name)
    spread = estimator._family.dispersion
    if spread is not None and formula_of != "1":
        own[spread] = formula_of
    nodes = case["options"].get("nAGQ") or 1
    return estimator(formula, **({"n_quadrature": nodes} if nodes > 1 else {}), **own)


def dispersion(model: Any, case: dict[str, Any]) -> str:
    """Return the relative differences of the dispersion and of shapes, as text."""
    theirs, family = case["dispersion"] or {}, _family(case)
    power, found = FAMILIES[family][2], []
    spread = model.fit_.family.dispersion
    for name in NAMES:
        if name in theirs and spread is not None:
            mine = np.exp(getattr(model, f"{spread}_coef_")[0]) ** power
            found.append(f"{name} {mine / theirs[name] - 1.0:+.1e}")
    for name in ("power", "df"):
        if name in theirs:
            mine = getattr(model, f"{name}_")
            found.append(f"{name} {mine / theirs[name] - 1.0:+.1e}")
    return "  ".join(["", *found])


def dispersion_formula(
    case: dict[str, Any], differences: Callable[..., tuple[float, float]], mine: dict[str, Any]
) -> str:
    """Compare the coefficients of a formula of the dispersion, of which R may have the inverse."""
    power = FAMILIES[_family(case)][2]
    signed = {name: (power * value, error) for name, (value, error) in mine.items()}
    return "  dispersion {:.1e} {:.1e}".format(*differences(signed, case["dispersion_model"]))


def sides(case: dict[str, Any]) -> tuple[str, str]:
    """Return the response and the formula of a case."""
    left, _, right = case["formula"].partition("~")
    return left.strip(), right.strip()


def _family(case: dict[str, Any]) -> str:
    family = str(case["family"]).removeprefix("truncated_")
    return "lognormal" if family == "gaussian" else family


def _right(formula: str) -> str:
    return re.sub(r"^\s*~\s*", "", formula)
