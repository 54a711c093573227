"""A fit that knows effects at times and places which it has not seen: kriging.

Given the effects of a level at learned places those at new ones are normal, with means that are
combinations of them. The fit answers as if it had had the new places from the beginning, without
rows: their spherical effects have the mode 0, and no part in the posterior covariance. What they
add by chance is `new_places_covariance`.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance import Extended
from skglmm.design import Design, Factor, OneHot
from skglmm.engine import PosteriorNodes, PosteriorNormal
from skglmm.exceptions import DesignError
from skglmm.fitting import Fit
from skglmm.linalg import PaddedPosterior, Posterior

__all__ = ["at_new_places", "is_at_new_place", "new_places_covariance"]

T = TypeVar("T")


def at_new_places(fit: Fit, design: Design, *, jointly: bool = True) -> tuple[Fit, Design]:
    """Return a fit with the effects that rows have beyond learned ones, and the rows' design.

    Both are as they were where there are none.

    Parameters
    ----------
    fit : Fit
    design : Design
    jointly : bool, default=True
        Whether rows are asked for together; what one alone has is known sooner.

    Raises
    ------
    DesignError
        When the covariance tells nothing of effects that were not learned.
    """
    for f, z in enumerate(design.columns):
        if isinstance(z, OneHot) and len(fit.u[f]) < z.size:
            factor = _reaching(design.layout.factors[f], z)
            fit = _extended(fit, f, factor if jointly else _apart(fit, f, factor))
            factors = _with(design.layout.factors, f, factor)
            design = replace(design, layout=replace(design.layout, factors=factors))
    return fit, design


def is_at_new_place(design: Design, f: int) -> Bools:
    """Return which rows have a known level of factor `f` at a place that was not learned, (n,)."""
    z = design.columns[f]
    if not isinstance(z, OneHot) or z.new is None:
        return np.zeros(design.n_samples, dtype=np.bool_)
    return np.asarray((z.index >= z.n_known) & (design.codes[f] >= 0))


def new_places_covariance(fit: Fit, design: Design, f: int, j: int, k: int) -> Floats:
    """Covariance that effects at new places have given learned ones, in predictors j and k, (n,).

    It is 0 in all other rows.
    """
    found, rows = np.zeros(design.n_samples), is_at_new_place(design, f)
    z, factor = design.columns[f], fit.layout.factors[f]
    if {j, k} != set(factor.predictors):
        return found
    if isinstance(z, np.ndarray) and isinstance(factor.covariance, Extended):  # averages of rows
        own = z @ fit.lambdas[f][:, factor.covariance.known.size :]
        return np.where(design.codes[f] >= 0, np.sum(own * own, axis=1), 0.0)
    if rows.any() and isinstance(z, OneHot):
        own = fit.lambdas[f][:, z.n_known :]
        variances = np.sum(own * own, axis=1)
        found[rows] = (z.entries**2 * variances[z.index])[rows]
    return found


def _reaching(factor: Factor, z: OneHot) -> Factor:
    """Return the factor of rows with the effects that they have beyond its own."""
    if z.new is None or factor.n_columns == z.size:
        return factor
    return factor.beyond(z.new, (f"new place {i}" for i in range(len(z.new))))


def _apart(fit: Fit, f: int, factor: Factor) -> Factor:
    """Return the factor without covariances of new effects that learned ones do not explain.

    Of a fit that was conditioned on some new places these are among what others depend on.
    """
    before, known = fit.layout.factors[f].covariance, factor.covariance
    if isinstance(before, Extended) or not isinstance(known, Extended):
        return factor
    return replace(factor, covariance=known.apart)


def _extended(fit: Fit, f: int, factor: Factor) -> Fit:
    """Return the fit with the effects that a factor has after those of the fit."""
    before, covariance = fit.layout.factors[f], factor.covariance
    m = covariance.size - before.n_columns
    basis = fit.bases[f][0, 0] * np.eye(covariance.size)  # one unit for all
    try:
        lambda_ = basis @ covariance.factor(fit.theta[f])
    except (NotImplementedError, ValueError) as error:
        msg = f"rows have values of {factor.joint_name!r} that fit did not see: {error}"
        raise DesignError(msg) from None
    moves, posterior, seen = fit.mode_jacobian, fit.posterior, fit.effect_information
    grown = replace(factor, labels=before.labels)
    return replace(
        fit,
        layout=replace(fit.layout, factors=_with(fit.layout.factors, f, grown)),
        lambdas=_with(fit.lambdas, f, lambda_),
        bases=_with(fit.bases, f, basis),
        u=_with(fit.u, f, _padded(fit.u[f], 0, m)),
        mode_jacobian=None if moves is None else _with(moves, f, _padded(moves[f], 1, m)),
        posterior=None if posterior is None else _with_zeros(fit, posterior, f, m),
        effect_information=None if seen is None else seen.widened(f, m),
        effect_posterior=_averages(fit, f, m),
    )


def _averages(fit: Fit, f: int, m: int) -> PosteriorNormal | PosteriorNodes | None:
    """What averages over the posterior need, with m effects more that are 0."""
    match fit.effect_posterior:
        case PosteriorNormal() as normal:
            return PosteriorNormal(
                _with(normal.mean, f, _padded(normal.mean[f], 0, m)),
                normal.effect_information.widened(f, m),
                _with_zeros(fit, normal.posterior, f, m),
            )
        case PosteriorNodes() as nodes:
            i = nodes.order.index(f)
            reach = tuple(_padded(part, 0, m) for part in nodes.reach[i])
            return replace(nodes, reach=(*nodes.reach[:i], reach, *nodes.reach[i + 1 :]))
    return None


def _with_zeros(
    fit: Fit, posterior: Posterior | PaddedPosterior, f: int, m: int
) -> PaddedPosterior:
    more = [0] * len(fit.order)
    more[fit.order.index(f)] = m
    return PaddedPosterior(posterior, tuple(more))


def _padded(values: Floats, axis: int, m: int) -> Floats:
    """Append m zeros along an axis, which runs over effects."""
    return np.pad(values, [(0, m if i == axis else 0) for i in range(values.ndim)])


def _with(parts: tuple[T, ...], place: int, part: T) -> tuple[T, ...]:
    return (*parts[:place], part, *parts[place + 1 :])
