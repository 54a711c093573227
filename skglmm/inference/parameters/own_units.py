"""A fit, and rows to answer for, in the units in which it measured responses.

Averages over random effects, quantiles and differences take steps and nodes that suit linear
predictors of order one. Where the user has other units, answers are found in those of the fit, and
then changed back.
"""

from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.engine import Modes
from skglmm.fitting import USER, Fit, Uncertainty
from skglmm.inference.parameters.new_places import at_new_places

__all__ = ["in_own_units", "user_moves", "user_parameter"]


def in_own_units(fit: Fit, design: Design, *, jointly: bool = True) -> tuple[Fit, Design]:
    """Return a fit and a design whose linear predictors are those that the fit worked with.

    They are as they were where the fit has the units of the user, and rows no new places. Without
    `jointly` answers are for single rows, see `at_new_places`.
    """
    if not fit.units.are_own:
        return at_new_places(fit, design, jointly=jointly)
    return at_new_places(_own(fit), fit.units.design(design), jointly=jointly)


def user_moves(fit: Fit, moves: Modes) -> Modes:
    """Return derivatives of the modes of a fit in own units as those of a fit in the user's.

    Parameters
    ----------
    fit : Fit
        In the units of the user.
    moves : tuple of ndarray, each of shape (n_params, k, L)
    """
    sizes = _sizes(fit)
    return tuple(part / sizes[:, None, None] for part in moves)


def user_parameter(fit: Fit, k: int, eta: Floats) -> tuple[Floats, Floats]:
    """Return parameter k at linear predictors of the user, (n,), and its slopes there.

    It is found within the reach of its link, which suits the units of the fit.
    """
    units, family = fit.units, fit.family
    own = (eta - units.shift(k)) / units.size(k) if units.are_own else eta
    value, _, (slope,), _ = family.links[k].inverse(own, 1)
    if not (units.are_own and family.parameters[k].equivariant):
        return value, slope
    center = units.center if k == family.location else 0.0
    unit = family.parameters[k].unit(units.width)
    return center + unit * value, unit / units.size(k) * slope


def _sizes(fit: Fit) -> Floats:
    """Units of all parameters, (n_params,)."""
    beta = [np.full(len(part), fit.units.size(k)) for k, part in enumerate(fit.beta)]
    return np.concatenate([*beta, np.ones(sum(map(len, fit.theta)))])


def _own(fit: Fit) -> Fit:
    sizes, moves, known = _sizes(fit), fit.mode_jacobian, fit.uncertainty
    units = [
        np.array([[fit.units.size(k)] for k in factor.predictors]) for factor in fit.layout.factors
    ]
    return replace(
        fit,
        beta=tuple(part / fit.units.size(k) for k, part in enumerate(fit.beta)),
        lambdas=tuple(lambda_ / unit for lambda_, unit in zip(fit.lambdas, units, strict=True)),
        bases=tuple(basis / unit for basis, unit in zip(fit.bases, units, strict=True)),
        uncertainty=None if known is None else _scaled(known, 1.0 / sizes),
        mode_jacobian=None if moves is None else tuple(p * sizes[:, None, None] for p in moves),
        units=USER,
    )


def _scaled(known: Uncertainty, factors: Floats) -> Uncertainty:
    """The uncertainty of parameters that were multiplied by factors, (n_params,)."""
    dictated = known.dictated
    if dictated is not None:
        dictated = replace(dictated, flat=dictated.flat * factors[:, None])
    return replace(
        known,
        covariance=known.covariance * factors * factors[:, None],
        flat=known.flat * factors[:, None],
        dictated=dictated,
    )
