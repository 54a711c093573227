r"""Posterior of the random effects given new rows, with the parameters as they are.

Rows that a fit has seen are remembered as the normal distribution
:math:`N(\hat u, H^{-1})` of the effects, which is exact for the levels that they do not touch and
the Laplace approximation for the others; new levels begin with :math:`N(0, I)`.
"""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design, turned
from skglmm.engine import (
    Mode,
    Modes,
    NormalPosterior,
    Params,
    PosteriorNodes,
    PosteriorNormal,
    Problem,
    bind,
    effect_information,
    effect_posterior,
    find_mode,
    jacobian,
    posterior,
    settled,
)
from skglmm.fitting import Fit
from skglmm.inference.parameters.new_places import at_new_places
from skglmm.inference.parameters.own_units import in_own_units, user_moves

__all__ = ["Update", "condition", "update"]


@dataclass(frozen=True)
class Update:
    """The effects of known and new levels after some rows.

    Parameters
    ----------
    problem : Problem
        Of the new rows, on the internal, standardized columns, in the units of the fit.
    mode : Mode
    earlier : NormalPosterior or None
        What the fit knew before; None where it was to be forgotten.
    """

    problem: Problem
    mode: Mode
    earlier: NormalPosterior | None


def update(
    fit: Fit, design: Design, y: Floats, weights: Floats | None, *, forget: bool = False
) -> Update | None:
    """Find the mode of the effects given rows; None when there is none.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
        Levels of its layout beyond those of the fit are new.
    y : ndarray, shape (n,)
        Responses on the family's own scale.
    weights : ndarray, shape (n,), or None
    forget : bool
        Whether known levels, too, begin as new ones.
    """
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    earlier = None if forget else _earlier(fit, [f.n_levels for f in design.layout.factors])
    pairs = zip(design.columns, fit.bases, strict=True)
    standard = replace(design, columns=tuple(turned(z, basis) for z, basis in pairs))
    nodes = isinstance(fit.effect_posterior, PosteriorNodes)
    whole = nodes or fit.approximation.needs_chain
    problem = bind(
        standard, y, weights, fit.family, earlier=earlier, whole=whole, solver=fit.solver
    )
    problem = replace(problem, approximation=fit.approximation)
    start = problem.zero()
    if earlier is not None:
        start = problem.split(tuple(earlier.mean[f] for f in problem.order))
    params = Params(fit.beta, fit.theta)
    mode = find_mode(problem, params, start)
    if mode is not None and problem.plan is not None:
        problem = replace(problem, plan=settled(mode.system))
        mode = find_mode(problem, params, mode.u, distance="near")
    return None if mode is None else Update(problem, mode, earlier)


def condition(fit: Fit, design: Design, found: Update) -> Fit:
    """Return the fit with the effects of an update, for the levels of `design`."""
    problem, mode, original = found.problem, found.mode, fit.original
    seen, moves = effect_information(problem, mode), _moves(in_own_units(fit, design)[0], found)
    fit, design = at_new_places(fit, design)
    return replace(
        fit,
        layout=design.layout,
        u=problem.in_layout_order(problem.join(mode.u)),
        order=problem.order,
        posterior=posterior(problem, mode),
        effect_information=seen
        if found.earlier is None
        else found.earlier.effect_information + seen,
        mode_jacobian=None if moves is None else user_moves(fit, moves),
        unconditioned=replace(
            original, posterior=None, effect_information=None, effect_posterior=None
        ),
        effect_posterior=_averaged(fit, found),
        plan=problem.plan,
    )


def _averaged(fit: Fit, found: Update) -> PosteriorNormal | PosteriorNodes | None:
    if fit.effect_posterior is None:
        return None
    earlier = None if found.earlier is None else fit.effect_posterior
    return effect_posterior(found.problem, found.mode, earlier)


def _earlier(fit: Fit, n_levels: list[int]) -> NormalPosterior:
    return NormalPosterior(
        tuple(_grown(part, n) for part, n in zip(fit.u, n_levels, strict=True)),
        fit.row_information.padded(n_levels),
    )


def _grown(part: Floats, n_levels: int) -> Floats:
    """Append zeros along the last axis, which runs over levels."""
    more = n_levels - part.shape[-1]
    return np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, more)])


def _moves(fit: Fit, found: Update) -> Modes | None:
    """How the modes move with the parameters, (n_params, k, L) for each factor."""
    if fit.mode_jacobian is None:
        return None
    problem, before = found.problem, None
    if found.earlier is not None:
        padded = [
            _grown(part, mean.shape[-1])
            for part, mean in zip(fit.mode_jacobian, found.earlier.mean, strict=True)
        ]
        before = tuple(padded[f] for f in problem.order)
    return problem.in_layout_order(jacobian(problem, found.mode, before))
