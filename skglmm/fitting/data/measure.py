"""The units of a fit, learned from responses by sums alone, with a place for their zeros.

Where the fixed part of a predictor holds a constant, its coefficients take up how far zeros are
apart: they are then of order one in the fit. Otherwise it is added to the predictor of each row,
which is as exact. Responses are centered in the first case only: without an intercept their level
is a part of what the model has to explain.

The width is that of responses about a plain regression where these may be any real numbers: what
random effects and the dispersion have to tell is of order one then, however well the fixed effects
explain the rest. Otherwise, where means are multiplied, it is the mean of their sizes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design, Factor, Layout
from skglmm.families import Family
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.data.summaries import CONSTANT_TOL, triangle
from skglmm.fitting.data.units import Units
from skglmm.parts import Parts

__all__ = ["is_straight", "measured"]

ONE = 1e-12  # what a combination of columns that is one in all rows may miss by rounding


def measured(
    scales: Scales,
    layout: Layout,
    family: Family,
    designs: Parts[Design],
    ys: Parts[Floats],
    weights: Parts[Floats | None],
) -> Scales:
    """Return scales with the units of responses, and with the signs of limits.

    Parameters
    ----------
    scales : Scales
        Of the columns.
    layout : Layout
    family : Family
    designs : Parts of Design
    ys : Parts of ndarray, each of shape (n,)
        Responses on the family's own scale.
    weights : Parts of ndarray, each of shape (n,), or None
    """
    moving = [k for k, each in enumerate(family.parameters) if each.equivariant]
    downward = [k for k, limit in enumerate(family.limits) if limit.sign < 0.0]
    if not moving:
        return scales.turned_over(downward)
    ones = {k: _one(designs, scales, k) for k in moving}
    mass, size, total, *added = designs.map(_sums, ys, weights, of=moving).total()
    levels = {k: each / mass for k, each in zip(moving, added, strict=True)}
    units = Units.of(family, 0.0, size / mass or 1.0)
    if is_straight(family):
        has_one = ones[family.location] is not None
        about = (total / mass, levels[family.location]) if has_one else (0.0, 0.0)
        common = {"k": family.location, "about": about}
        normal = designs.map(_normal_equations, ys, weights, scales=scales, **common).total()
        beta = scales.to_user[family.location] @ np.linalg.lstsq(*normal, rcond=None)[0]
        for part in (beta, 0.0 * beta):  # of responses on a line, how far they are apart
            width = designs.map(_distances, ys, weights, beta=part, **common).total() / mass
            if width > CONSTANT_TOL * size / mass:
                units = Units.of(family, about[0], width)
                break
    return _with_units(scales, layout, units, ones, levels).turned_over(downward)


def is_straight(family: Family) -> bool:
    """Whether the distribution of shifted responses is that of a shifted location.

    A link that is as large in any unit, in parameters of either sign, is a straight line.
    """
    support, link = family.support, family.links[family.location]
    everywhere = (-np.inf, np.inf)
    is_real = support.ends == everywhere and not support.masses and not support.is_discrete
    return is_real and link.domain == everywhere and link.rescaled(2.0) == (2.0, 0.0)


def _sums(
    design: Design, y: Floats, weights: Floats | None, of: Sequence[int]
) -> tuple[float, ...]:
    """Sums of weights, of the sizes of responses, of responses, and of some offsets."""
    mass = np.ones(len(y)) if weights is None else weights
    total = float(len(y) if weights is None else mass @ np.ones(len(y)))
    offsets = (design.offsets[k] for k in of)
    added = [0.0 if offset is None else float(mass @ offset) for offset in offsets]
    return total, float(mass @ np.abs(y)), float(mass @ y), *added


def _centered(design: Design, y: Floats, k: int, about: tuple[float, float]) -> Floats:
    """Responses less what is added to their location, both from where they are centered."""
    centered = y - about[0]
    centered -= _added(design, k) - about[1]
    return centered


def _normal_equations(
    design: Design,
    y: Floats,
    weights: Floats | None,
    scales: Scales,
    k: int,
    about: tuple[float, float],
) -> tuple[Floats, Floats]:
    x = scales.fixed(design, k)
    weighted = x if weights is None else x * weights[:, None]
    return weighted.T @ x, weighted.T @ _centered(design, y, k, about)


def _distances(
    design: Design,
    y: Floats,
    weights: Floats | None,
    k: int,
    about: tuple[float, float],
    beta: Floats,
) -> float:
    """Sum of the distances of responses from a regression, of the user's columns."""
    away = _centered(design, y, k, about)
    away -= design.fixed[k] @ beta
    np.abs(away, out=away)
    return float(away.sum() if weights is None else weights @ away)


def _added(design: Design, k: int) -> Floats | float:
    offset = design.offsets[k]
    return 0.0 if offset is None else offset


def _one(designs: Parts[Design], scales: Scales, k: int) -> Floats | None:
    """Coefficients of standardized columns that are one in all rows together, (p_k kept,)."""
    constant = scales.constant[k]
    if constant.any():
        return np.asarray(np.eye(len(constant))[np.argmax(constant)])
    if not len(constant):
        return None
    upper = triangle(designs, _with_one, scales=scales, k=k)
    found = np.asarray(np.linalg.lstsq(upper[:, :-1], upper[:, -1], rcond=None)[0])
    misses = designs.map(_miss, scales=scales, k=k, one=found)
    return found if max(misses) <= ONE else None


def _with_one(design: Design, scales: Scales, k: int) -> Floats:
    return np.column_stack([scales.fixed(design, k), np.ones(design.n_samples)])


def _miss(design: Design, scales: Scales, k: int, one: Floats) -> float:
    return float(np.max(np.abs(scales.fixed(design, k) @ one - 1.0), initial=0.0))


def _with_units(
    scales: Scales,
    layout: Layout,
    units: Units,
    ones: Mapping[int, Floats | None],
    levels: Mapping[int, float],
) -> Scales:
    """Put what is subtracted from each predictor where it belongs; see `Scales`."""
    taken, origins = list(scales.levels), list(scales.origins)
    for k, one in ones.items():
        taken[k] = units.shift(k) if one is None else levels[k]
        if one is not None:
            origins[k] = (units.shift(k) - levels[k]) * (scales.to_user[k] @ one)
    bases = tuple(map(partial(_basis, units), layout.factors, scales.bases))
    return replace(scales, units=units, levels=tuple(taken), origins=tuple(origins), bases=bases)


def _basis(units: Units, factor: Factor, basis: Floats) -> Floats:
    """The basis with one unit in the user's, too, for effects that share their spread."""
    basis, start = basis.copy(), 0
    for part in factor.covariance.blocks:
        inside, start = range(start, start + part.size), start + part.size
        if not part.rescales:
            sizes = [units.size(factor.predictors[c]) for c in inside]
            basis[:, inside] *= sizes[0] / np.array(sizes)
    return basis
