r"""Logarithms of averages of densities over random effects of several linear predictors.

The average of a density over d standard normal numbers is an integral of a function with a peak.
On the scale of the peak the trapezoidal rule on a lattice converges exponentially, and its two
halves say how far it has come. Where they differ, or the peak is not alone, the first number is
integrated on a grid of its own, and the others given it.
"""

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.inference.density.grid import Grid, alike
from skglmm.inference.density.integrand import Integrand
from skglmm.inference.density.lattice import Lattice, lattice
from skglmm.inference.density.peak import Peak

__all__ = ["log_average"]

# by the dimension: steps and radii of lattices, in standard deviations of the peak; how much their
# halves may differ, of which the whole has less than the 1.4th power; the share of the outermost
LEVELS = {
    1: ((0.5, 8.0), (0.3, 10.0), (0.2, 16.0)),
    2: ((0.75, 5.5), (0.5, 6.5), (0.35, 8.0)),
    3: ((0.75, 5.5), (0.5, 6.2), (0.35, 7.5)),
    4: ((0.75, 5.2), (0.6, 6.0), (0.45, 7.0)),
}
DIFFER = {1: 1e-5, 2: 1e-3, 3: 1e-3, 4: 1e-3}
BEYOND = {1: 1e-8, 2: 2e-5, 3: 2e-4, 4: 8e-4}
CELLS = 2**16  # rows times points at a time
DOUBLINGS = 2  # of a grid, at most
_HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


def log_average(f: Integrand) -> Floats:
    """Return the logarithms of averages over standard normal numbers, (n,)."""
    if not f.dimension:
        return f.values(np.zeros((f.size, 1, 0)))[:, 0]
    if not f.size:
        return np.zeros(0)
    peak = Peak.of(f)
    result, left = np.empty(f.size), np.flatnonzero(peak.alone)
    missed = [np.flatnonzero(~peak.alone)]
    for step, radius in LEVELS[f.dimension]:
        found, sure = _over(f.take(left), peak.take(left), lattice(f.dimension, step, radius))
        result[left], left = found, left[~sure]
        if not left.size:
            break
    rest = np.concatenate([left, *missed])
    if rest.size:
        result[rest] = _nested(f.take(rest), peak.take(rest))
    return result


def _over(f: Integrand, peak: Peak, rule: Lattice) -> tuple[Floats, Bools]:
    """Sum over lattices around the peaks: logarithms, and whether they can be trusted, (n,)."""
    value, sure = np.empty(f.size), np.empty(f.size, dtype=np.bool_)
    step = max(1, CELLS // len(rule.points))
    for rows in (np.arange(a, min(a + step, f.size)) for a in range(0, f.size, step)):
        part, here = f.take(rows), peak.take(rows)
        x = here.center[:, None] + np.einsum("nab,pb->npa", here.scale, rule.points)
        with np.errstate(over="ignore", invalid="ignore"):
            w = np.exp(part.values(x) - here.value[:, None])
            even, whole = w[:, rule.even].sum(axis=1), w.sum(axis=1)
            outer = w[:, rule.outer].sum(axis=1)
            sure[rows] = np.abs(2.0 * even - whole) <= DIFFER[f.dimension] * whole
            sure[rows] &= outer <= BEYOND[f.dimension] * whole
            value[rows] = np.log(whole + rule.beyond * outer) + here.value + here.log_volume
    value += np.log(rule.volume) - f.dimension * _HALF_LOG_TWO_PI
    return value, sure & np.isfinite(value)


def _nested(f: Integrand, peak: Peak) -> Floats:
    """Integrate over the first number on grids, and over the others given it, (n,)."""
    result, rows = np.full(f.size, np.nan), np.arange(f.size)
    for k in range(DOUBLINGS + 1):
        sure = np.zeros(len(rows), dtype=np.bool_)
        grid = Grid.around(f.take(rows), peak.take(rows))
        for some, size in alike(grid.sizes * 2**k, CELLS):
            result[rows[some]], sure[some] = _along(f.take(rows[some]), grid.take(some), size)
        rows = rows[~sure]
        if not rows.size:
            break
    return result


def _along(f: Integrand, grid: Grid, size: int) -> tuple[Floats, Bools]:
    """Sum over grids of this size: logarithms, and whether halves of the nodes agree, (n,)."""
    t, spacing = grid.nodes(size)
    value = log_average(f.peel(t)).reshape(t.shape) - 0.5 * t**2
    top = np.max(value, axis=1, keepdims=True)
    w = np.exp(value - np.where(np.isfinite(top), top, 0.0)) * spacing
    whole = w.sum(axis=1)
    sure = np.abs(2.0 * w[:, ::2].sum(axis=1) - whole) <= DIFFER[f.dimension] * whole
    with np.errstate(divide="ignore"):
        return np.log(whole) + top[:, 0] - _HALF_LOG_TWO_PI, sure
