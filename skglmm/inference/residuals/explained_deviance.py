"""D²: the share of the deviance that a model explains, of any rows."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.families import Family
from skglmm.fitting import Fit
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.predict import Plan, linear_predictors
from skglmm.inference.residuals.residuals import deviance_residuals

__all__ = ["explained_deviance"]

GRADIENT = 1e-7  # of the mean log density, at the best constants
POOR = 1e-4  # a gradient at which constants are not the best ones


def explained_deviance(
    fit: Fit, design: Design, y: Floats, weights: Floats | None, plan: Plan
) -> float:
    r"""Return one less the deviance over that of constants.

    Deviances are sums of :math:`2 (\ell(\tilde\eta) - \ell(\eta))`, as in `deviance_residuals`.
    The constants take the place of the linear predictors of the location and of single values,
    what is added to these in each row aside, and maximize the likelihood of these rows; dispersion
    and shapes are those of the fit.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    y : ndarray, shape (n,)
        Responses inside the family's support, or on its masses.
    weights : ndarray, shape (n,), or None
    plan : Plan
        Whose conditioned factors have their modes; the effects of others are 0.

    Returns
    -------
    float
        At most 1; 0 or less where constants do as well; NaN where they fit perfectly.

    Raises
    ------
    ValueError
        When the best constants were not found.
    """
    weights = np.ones(len(y)) if weights is None else weights
    deviance = float(weights @ deviance_residuals(fit, design, y, plan) ** 2)
    (own, rows), read = in_own_units(fit, design), fit.units.response(y)
    eta = linear_predictors(own, rows, plan.conditioned)
    prepared = own.family.prepare(read)
    here = own.family.log_density(prepared, eta).value
    best = _of_constants(own.family, prepared, weights, eta, rows)
    whole = deviance + 2.0 * float(weights @ (here - best))
    return 1.0 - deviance / whole if whole > 0.0 else np.nan


def _of_constants(
    family: Family, prepared: Floats, weights: Floats, eta: Sequence[Floats], design: Design
) -> Floats:
    """Return log densities under the best constants, (n,)."""
    free = [k for k in family.estimated if k in {*family.locations, *family.part_predictors}]
    n = prepared.shape[1]
    added = [np.zeros(n) if each is None else each for each in design.offsets]
    full = [np.broadcast_to(row, (n,)) for row in eta]
    start = [np.average(full[k] - added[k], weights=weights) for k in free]
    total = weights.sum()

    def point(constants: Floats) -> list[Floats]:
        moved = dict(zip(free, constants, strict=True))
        return [added[k] + moved[k] if k in moved else row for k, row in enumerate(full)]

    def loss(constants: Floats) -> tuple[float, Floats]:
        found = family.log_density(prepared, point(constants), 1)
        assert found.grad is not None
        slopes = np.array([found.grad[k] @ weights for k in free])
        return -float(found.value @ weights) / total, -slopes / total

    found = minimize(loss, np.array(start), jac=True, method="BFGS", options={"gtol": GRADIENT})
    steepest = float(np.max(np.abs(found.jac), initial=0.0))
    if not steepest <= POOR:  # written so that NaN fails
        msg = (
            f"the best constants for these {n} rows were not found: the mean log density still "
            f"rises by {steepest:.2g} in one of them, so that D² would be too large. Score more "
            "rows, or compare log_density(X, y) of two models"
        )
        raise ValueError(msg)
    return family.log_density(prepared, point(found.x)).value
