"""From a design and its response to a problem."""

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, Factor
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.laplace._cut import Cutter
from skglmm.laplace._params import Shape
from skglmm.laplace._prior import NormalPrior, Prior, Remembered, StandardPrior
from skglmm.laplace._problem import Problem
from skglmm.laplace._shard import CACHE_ROWS
from skglmm.parts import Here

__all__ = ["arrange", "bind", "check_rest"]

REST_MAX = 10_000  # columns that are solved densely: three matrices of 800 MB
CHAIN_FROM = 100  # levels of a factor that is eliminated as a part of a chain, not densely


def bind(
    design: Design,
    y: Floats,
    weights: Floats | None,
    family: Family,
    shard_rows: int = CACHE_ROWS,
    remembered: Remembered | None = None,
    n_threads: int = 1,
) -> Problem:
    """Sort the rows of a design by its largest factor and cut them into shards.

    Parameters
    ----------
    design : Design
    y : ndarray, shape (n,)
        Response, within the support of the family.
    weights : ndarray, shape (n,), or None
        Positive weights of the rows.
    family : Family
    shard_rows : int
        A shard ends with the first level that brings it to this many rows.
    remembered : Remembered or None
        What other rows, seen before, say of the effects of these levels.
    n_threads : int, default=1
        Threads that work on the shards.

    Raises
    ------
    DesignError
        If the factors beside the largest have too many levels to be solved densely.
    """
    order, n_owned = arrange(design, is_alone=remembered is None)
    factors = design.layout.factors
    check_rest([factors[f] for f in order], n_owned)
    keys = [design.codes[f] for f in (*order[n_owned:][::-1], *order[:n_owned])]  # last is first
    rows = np.lexsort(keys) if keys else np.arange(design.n_samples)
    design, prepared = design.take(rows), family.prepare(y[rows])
    weights = None if weights is None else weights[rows]
    known = None if remembered is None else remembered.curvature
    constant = _constant_predictors(design)
    cutter = Cutter(design, order, n_owned, prepared, weights, constant, known)
    shards = Here([cutter.shard(rows) for rows in cutter.cuts(shard_rows)], n_threads)
    prior: Prior = StandardPrior()
    if remembered is not None and order:
        prior = NormalPrior.of(remembered, order, shards)
    return Problem(
        family=family,
        shape=Shape(
            tuple(x.shape[1] for x in design.fixed), tuple(f.covariance.n_params for f in factors)
        ),
        covariances=tuple(f.covariance for f in factors),
        order=order,
        n_owned=n_owned,
        n_levels=tuple(factors[f].n_levels for f in order),
        shards=shards,
        prior=prior,
        rows=rows,
    )


def arrange(design: Design, *, is_alone: bool) -> tuple[tuple[int, ...], int]:
    """Order the factors: a chain that begins with the largest, then the others by size.

    Parameters
    ----------
    design : Design
    is_alone : bool
        Whether no rows seen before tie levels together that do not meet in these.

    Returns
    -------
    order : tuple of int
    n_owned : int
        Length of the chain.
    """
    factors = design.layout.factors
    by_size = sorted(range(len(factors)), key=lambda f: -factors[f].size)
    chain = by_size[:1]
    for f in by_size[1:] if is_alone else []:
        if factors[f].n_levels >= CHAIN_FROM and is_nested(
            design.codes[chain[-1]], design.codes[f], factors[chain[-1]].n_levels
        ):
            chain.append(f)
    return (*chain, *(f for f in by_size if f not in chain)), len(chain)


def is_nested(codes: Ints, above: Ints, n_levels: int) -> bool:
    """Return whether the rows of each level of `codes` are of one level of `above`."""
    parent = np.zeros(n_levels, dtype=np.intp)
    parent[codes] = above
    return bool(np.array_equal(parent[codes], above))


def check_rest(factors: list[Factor], n_owned: int) -> None:
    """Refuse, before any allocation, what would not fit."""
    n_rest = sum(factor.size for factor in factors[n_owned:])
    if n_rest <= REST_MAX:
        return
    sizes = ", ".join(
        f"{factor.name} ({factor.n_levels:,} levels x {factor.n_columns})" for factor in factors
    )
    msg = (
        f"the random effects are too many to be solved together: beside the largest factor, and "
        f"those that it is nested in, there may be at most {REST_MAX:,} effects, but there are "
        f"{n_rest:,} ({sizes}), a matrix of {8e-9 * n_rest**2:,.1f} GB; leave out a factor or a "
        "slope, or merge rare levels"
    )
    raise DesignError(msg)


def _constant_predictors(design: Design) -> list[bool]:
    """Which predictors have the same value in every row."""
    fed = {k for factor in design.layout.factors for k in factor.predictors}
    return [
        k not in fed and design.offsets[k] is None and bool(np.all(x == x[:1]))
        for k, x in enumerate(design.fixed)
    ]
