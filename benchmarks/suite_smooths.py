"""Models with smooth terms of the reference cases, and how far their curves are from mgcv's."""

import re
from typing import Any

import numpy as np
import pandas as pd

import skglmm
from skglmm.bases.thin_plate import ThinPlate
from skglmm.inference import SmoothTest, smooth_tests
from skglmm.inference.parameters.curves import CurveEstimate, curve_estimate

__all__ = ["smooth_differences", "smooth_line", "smooths"]

FAMILIES = {
    "gaussian": "LMMRegressor",
    "binomial": "BinomialGLMMRegressor",
    "poisson": "PoissonGLMMRegressor",
    "nb": "NegativeBinomialGLMMRegressor",
    "betar": "BetaGLMMRegressor",
}
EFFECTS = "random.effect"  # the basis of mgcv that is a random intercept
FLAT = 1.01  # degrees of freedom of a curve without bends, whose smoothing parameter is large
RARE = 1e-10  # p-values below: of mgcv they may be 0, or less


def smooths(case: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, ...]:
    """Return the model of a case, its rows, its responses and no weights."""
    response, right = (side.strip() for side in case["formula"].split("~"))
    right = re.sub(r's\((\w+), bs = "re"\)', r"(1 | \1)", right)
    right = re.sub(r"c\((\d+), (\d+)\)", r"[\1, \2]", right)
    random = case["options"].get("random")
    formula = right + (f" + {random.removeprefix('~')}" if random else "")
    model = getattr(skglmm, FAMILIES[case["family"]])(formula)
    if "reml" in model.get_params():
        model.set_params(reml=is_restricted(case))
    return model, rows, rows[response].to_numpy(), None


def is_restricted(case: dict[str, Any]) -> bool:
    return str(case["options"]["method"]).startswith("REML")


def smooth_line(model: Any, case: dict[str, Any], rows: pd.DataFrame) -> str:
    """Compare a fitted model with a case: its criterion, and each of its curves."""
    found = smooth_differences(model, case, rows)
    above = found.pop("above")
    shown = "  ".join(f"{name} {value:.1e}" for name, value in found.items())
    return f"above {above:+.1e}  {shown}  {case['trust']}"


def smooth_differences(model: Any, case: dict[str, Any], rows: pd.DataFrame) -> dict[str, float]:
    """Return the difference of the criterion, and the largest ones of all curves."""
    fit = model.fit_
    above = fit.log_likelihood - case["criterion"]["log_likelihood"]
    theirs = [each for each in case["smooths"] if each["basis"] != EFFECTS]
    if is_restricted(case):
        above += sum(trend_units(curve, rows) for curve in fit.layout.curves)
    tests = smooth_tests(fit)
    found = [
        differences_of_curve(model, curve_estimate(fit, curve), test, each)
        for curve, test, each in zip(fit.layout.curves, tests, theirs, strict=True)
    ]
    return {"above": above} | {name: max(each[name] for each in found) for name in found[0]}


def trend_units(curve: Any, rows: pd.DataFrame) -> float:
    """Return by how much mgcv's restricted log likelihood is above that of trends in plain units.

    A restricted likelihood is an integral over the coefficients of trends. With mgcv's these are
    coefficients of the columns of the spline that are not penalized, in an orthonormal basis; of
    thin plate splines after the columns have got a mean square of one.
    """
    basis = curve.smooth.basis
    if not basis.powers:
        return 0.0
    x = np.column_stack([rows.eval(name) for name in curve.smooth.covariates])
    columns = basis.spline.columns(x)
    coefficients = np.linalg.lstsq(columns, basis.trends(x), rcond=None)[0]
    if isinstance(basis.spline, ThinPlate):
        coefficients *= np.sqrt(np.mean(columns**2, axis=0))[:, None]
    return 0.5 * float(np.linalg.slogdet(coefficients.T @ coefficients)[1])


def differences_of_curve(
    model: Any, estimate: CurveEstimate, test: SmoothTest, theirs: dict[str, Any]
) -> dict[str, float]:
    """Return relative differences of a curve, in its range, and of what is known of it."""
    curve = estimate.curve
    grid = np.column_stack([theirs["grid"][name] for name in curve.smooth.covariates])
    columns = curve.columns(grid)
    fitted = columns @ estimate.coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", columns, estimate.given_smoothness, columns))
    p_values = [test.p_value, theirs["p_value"]]
    return {
        "edf": abs(estimate.edf / theirs["edf"] - 1.0),
        "curve": float(np.max(np.abs(fitted - theirs["fit"])) / np.ptp(theirs["fit"])),
        "se": float(np.max(np.abs(error / np.array(theirs["se"]) - 1.0))),
        "lambda": smoothing(model, estimate, test, theirs),
        "stat": abs(test.statistic / theirs["statistic"] - 1.0),
        "p": abs(float(np.diff(np.log(p_values))[0])) if min(p_values) > RARE else 0.0,
    }


def smoothing(
    model: Any, estimate: CurveEstimate, test: SmoothTest, theirs: dict[str, Any]
) -> float:
    """Largest difference of the logarithm of a smoothing parameter, of curves that bend."""
    if theirs["edf"] < FLAT:
        return 0.0
    units = np.array(estimate.curve.smooth.basis.penalty_units)
    sds = np.array([value for _, value, _ in test.sds])
    mine = units * residual_variance(model) / sds**2
    scale = np.array(theirs["penalty_scale"], dtype=float)
    other = np.array(theirs["smoothing_parameters"], dtype=float) / scale
    return float(np.max(np.abs(np.log(mine / other))))


def residual_variance(model: Any) -> float:
    """Return the variance of normal responses, 1 of others."""
    if not model.fit_.family.is_normal:
        return 1.0
    return float(np.exp(model.scale_coef_[0])) ** 2
