r"""Log predictive densities of responses: random effects integrated out, estimates as known.

Row by row the effects make the linear predictors normal, and the density is an integral over as
many numbers as predictors have effects. Jointly, rows that share levels share their effects, and
the density is the Laplace approximation of

.. math::  \int f(y \mid u)\, p(u)\, du \approx
    f(y \mid \hat u)\, e^{-q(\hat u)} \sqrt{\det P / \det H}

with the prior :math:`p(u) \propto e^{-q(u)}` of precision P: standard normal for new levels, what
the fit knows for the others. Where the likelihood of the fit is an integral by quadrature, so is
the density.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, effect_slots, rows_with_effects, used_in
from skglmm.engine import Effects, PosteriorNodes, Problem, prior_hessian
from skglmm.fitting import Fit
from skglmm.inference.density.nested_codes import with_nested_codes
from skglmm.inference.density.row_density import averaged_log_density
from skglmm.inference.parameters.delta import posterior_covariance
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.condition import Update, update
from skglmm.inference.prediction.predict import (
    Plan,
    at_posterior_mean,
    averaged,
    is_new,
    linear_predictors,
    shift_of,
)
from skglmm.linalg import LinearSystem

__all__ = ["joint_log_density", "log_density"]

CHUNK = 2**13  # rows at a time


def log_density(fit: Fit, design: Design, plan: Plan, y: Floats) -> Floats:
    """Return the log predictive density of each row by itself, (n,).

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
        Where its `unseen` is "nan", rows of new levels are NaN, as are those that the data of the
        fit do not determine.
    y : ndarray, shape (n,)
        Responses inside the family's support.
    """
    lost = _log_jacobian(fit, y)
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    result = np.empty(design.n_samples)
    for start in range(0, design.n_samples, CHUNK):
        rows = slice(start, start + CHUNK)
        part = design.take(rows)
        result[rows] = _by_row(fit, part, plan, y[rows])
    result[plan.unknown(fit, design)] = np.nan
    return result - lost


def _by_row(fit: Fit, design: Design, plan: Plan, y: Floats) -> Floats:
    if plan.is_posterior and isinstance(fit.effect_posterior, PosteriorNodes):
        return _over_nodes(fit, design, plan, y)
    moved = at_posterior_mean(fit) if plan.is_posterior else fit
    eta = linear_predictors(moved, design, plan.conditioned)
    shift = shift_of(fit, design, plan, also=partial(_posterior, moved, design, plan))
    return averaged_log_density(fit.family, y, eta, shift)


def _over_nodes(fit: Fit, design: Design, plan: Plan, y: Floats) -> Floats:
    """Average densities over nodes; rows with new levels have normal effects, as otherwise."""
    is_known = np.all([codes >= 0 for codes in design.codes], axis=0)
    result = np.empty(len(y))
    if not is_known.all():
        conditional = replace(plan, is_posterior=False)
        result[~is_known] = _by_row(fit, design.take(~is_known), conditional, y[~is_known])
    if is_known.any():
        prepared, part = fit.family.prepare(y[is_known]), design.take(is_known)
        base = fit.family.log_density(
            prepared, linear_predictors(fit, part, plan.conditioned)
        ).value

        def ratio(eta: list[Floats], rows: Ints) -> Floats:
            value = fit.family.log_density(prepared[:, rows], eta).value
            return np.exp(value - base[rows])[None]

        result[is_known] = base + np.log(averaged(ratio, fit, part, plan)[0])
    return result


def _log_jacobian(fit: Fit, y: Floats) -> Floats:
    """What the log densities of responses lose in the units of the user, (n,)."""
    return np.where(np.isin(y, fit.family.masses), 0.0, np.log(fit.units.width))


def _posterior(fit: Fit, design: Design, plan: Plan, j: int, k: int) -> Floats:
    """Covariance of what effects of groups add; curves count as known, as all estimates do."""
    effects = sorted({*plan.conditioned}.difference(fit.layout.smooth_factors))
    return posterior_covariance(fit, design, effects, j, k)


def joint_log_density(
    fit: Fit, design: Design, plan: Plan, y: Floats, weights: Floats | None = None
) -> Floats | None:
    """Return the joint log predictive density of the rows, shared out over them, (n,).

    Rows whose effects are independent of those of others make a block; each row of a block has
    an equal share of its log density, or one in proportion to its weight. The sum over all rows
    is the joint log density. All rows with effects are one block where these are solved for by
    iterations.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
        Levels of its layout beyond those of the fit are new.
    plan : Plan
        Effects of factors that are averaged over are those of new levels.
    y : ndarray, shape (n,)
        Responses inside the family's support.
    weights : ndarray, shape (n,), or None
        Positive weights that multiply the log density of a row given its effects.

    Returns
    -------
    ndarray or None
        None when no mode of the effects is found.
    """
    lost = _log_jacobian(fit, y) * (1.0 if weights is None else weights)
    (fit, design), y = in_own_units(fit, design), fit.units.response(y)
    result = np.full(design.n_samples, np.nan)
    kept = ~plan.unknown(fit, design)
    if kept.any():
        own = None if weights is None else weights[kept]
        shares = _shares(fit, _reduced(fit, design.take(kept), plan), plan, y[kept], own)
        if shares is None:
            return None
        result[kept] = shares
    return result - lost


def _reduced(fit: Fit, design: Design, plan: Plan) -> Design:
    """Return the design with effects of 0 where the plan has none."""
    columns = []
    design = _with_known_curves(fit, design, plan)
    for f, z in enumerate(design.columns):
        used = np.full(design.n_samples, f in plan.conditioned or f in plan.integrated)
        if f in plan.conditioned and plan.unseen == "fixed":
            used &= ~is_new(fit, design, f)
        columns.append(used_in(z, used))
    return with_nested_codes(fit, replace(design, columns=tuple(columns)), plan)


def _with_known_curves(fit: Fit, design: Design, plan: Plan) -> Design:
    """Return the design with the curves of smooths in its offsets, and no effects of theirs."""
    curves = sorted({*plan.conditioned}.intersection(fit.layout.smooth_factors))
    if not curves:
        return design
    offsets = list(design.offsets)
    for f in curves:
        modes, codes = fit.modes(f), design.codes[f]
        for c, z, k in effect_slots(design.columns[f], fit.layout.factors[f].predictors):
            before = offsets[k]
            offsets[k] = z * modes[c, codes] + (0.0 if before is None else before)
    columns = (np.zeros_like(z) if f in curves else z for f, z in enumerate(design.columns))
    return replace(design, offsets=tuple(offsets), columns=tuple(columns))


def _shares(
    fit: Fit, design: Design, plan: Plan, y: Floats, weights: Floats | None
) -> Floats | None:
    found = update(fit, design, y, weights, forget=bool(plan.integrated))
    if found is None:
        return None
    mass = np.ones(design.n_samples) if weights is None else weights
    every = range(len(design.codes))
    moved = replace(fit, u=found.problem.in_layout_order(found.problem.join(found.mode.u)))
    eta = linear_predictors(moved, design, every)
    of_rows = mass * fit.family.log_density(fit.family.prepare(y), eta).value
    of_row, of_level = _blocks(
        fit, design, together=not plan.integrated, whole=found.problem.plan is not None
    )
    blocks = np.concatenate([of_row, *of_level])
    gains = found.problem.approximation.gains(found.problem, found.mode)
    pairs = zip(_lost(found), found.problem.in_layout_order(gains), strict=True)
    terms = np.concatenate([of_rows, *(gain - lost for lost, gain in pairs)])
    totals, masses = np.bincount(blocks, terms), np.bincount(of_row, mass)
    return np.asarray(mass * (totals[of_row] / masses[of_row]))


def _lost(found: Update) -> tuple[Floats, ...]:
    """What each level takes from the log density: penalty and half log determinants, (L,)."""
    problem, mode = found.problem, found.mode
    prior = prior_hessian(problem)
    assert prior is not None  # it was the Hessian at the fit's mode
    penalties = _by_level(problem, problem.prior.halves(mode.point.u))
    after, before = (_half_logdets(problem, system) for system in (mode.system, prior))
    parts = zip(penalties, after, before, strict=True)
    return problem.in_layout_order([a + b - c for a, b, c in parts])


def _half_logdets(problem: Problem, system: LinearSystem) -> list[Floats]:
    """Shares of half a log determinant by level, (L,) for each factor.

    By iterations only their sum is known.
    """
    shares = _by_level(problem, Effects(*system.log_diagonal))
    if problem.plan is not None:
        shares[0][:1] += system.half_logdet - sum(float(part.sum()) for part in shares)
    return shares


def _by_level(problem: Problem, entries: Effects) -> list[Floats]:
    """Sum entries over the effects of each level: (L,) for each factor."""
    return [np.sum(part, axis=0) for part in problem.join(entries)]


def _blocks(fit: Fit, design: Design, *, together: bool, whole: bool) -> tuple[Ints, list[Ints]]:
    """Number the independent blocks: of each row, (n,), and of each level of each factor, (L,).

    Known levels of several factors depend on each other if they are `together`; all levels are one
    block where only the density of the `whole` is known.
    """
    n, sizes = design.n_samples, [f.n_levels for f in design.layout.factors]
    starts = n + 1 + np.cumsum([0, *sizes])  # node n ties known levels together
    left, right = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    for f, (codes, z) in enumerate(zip(design.codes, design.columns, strict=True)):
        rows = np.flatnonzero(rows_with_effects(z))
        left.append(rows)
        right.append(starts[f] + codes[rows])
        if whole or (together and len(sizes) > 1):
            known = starts[f] + np.arange(sizes[f] if whole else fit.u[f].shape[-1])
            left.append(np.full(len(known), n))
            right.append(known)
    # SciPy's graphs of the lowest versions read 32-bit indices only.
    edges = np.concatenate(left).astype(np.int32), np.concatenate(right).astype(np.int32)
    graph = coo_array((np.ones(len(edges[0])), edges), (int(starts[-1]),) * 2)
    numbers = connected_components(graph, directed=False)[1].astype(np.intp)
    return numbers[:n], [numbers[a:b] for a, b in pairwise(starts)]
