"""From a design and its response to a problem."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from skglmm.arrays import Floats, Ints, keep_freed_memory
from skglmm.design import Design, Factor, Layout
from skglmm.engine.iterative.plan import Solver
from skglmm.engine.memory import fits, shortage
from skglmm.engine.objective.laplace import Laplace
from skglmm.engine.prior import NormalPosterior, NormalPrior, StandardPrior
from skglmm.engine.problem.cut import Cutter
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.dense_shard import DenseShard, is_small
from skglmm.engine.rows.params import Sizes
from skglmm.engine.rows.shard import CACHE_ROWS, Shard
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.linalg import grouped
from skglmm.parts import Here, Parts

__all__ = ["arrange", "assemble", "bind", "bind_part", "is_nested"]

CROSSED_MAX = 10_000  # crossed effects up to which a factorization is faster than iterations
SHARE_ROWS, SHARD_MAX = 8, 2**18  # rows of a shard for each crossed effect, and at most
DIRECT = Solver("direct")
CHAIN_FROM = 100  # levels of a factor that is eliminated as a part of a chain, not densely


def bind(  # noqa: PLR0913 -- data and what their likelihood is
    design: Design,
    y: Floats,
    weights: Floats | None,
    family: Family,
    shard_rows: int = CACHE_ROWS,
    earlier: NormalPosterior | None = None,
    n_threads: int = 1,
    *,
    whole: bool = False,
    dense: bool = False,
    solver: Solver = DIRECT,
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
    earlier : NormalPosterior or None
        What other rows, seen before, say of the effects of these levels.
    n_threads : int, default=1
        Threads that work on the shards.
    whole : bool, default=False
        Whether nested factors are a chain however small they are, see `Approximation.needs_chain`.
    dense : bool, default=False
        Whether a small problem may do without a chain: all its effects are crossed, and their
        columns are dense matrices.
    solver : Solver
        Of systems of random effects.

    Raises
    ------
    DesignError
        If the factors beside the largest have too many levels to be solved densely in the memory
        that there is, and are to be.
    """
    keep_freed_memory()
    order, n_nested = arrange(
        design.layout, _nesting(design, earlier), whole=whole, is_dense=solver.kind == "direct"
    )
    n_crossed = sum(design.layout.factors[f].size for f in order[n_nested:])
    plan = solver.plan(n_crossed, CROSSED_MAX, fits)
    kind = Shard
    if plan is not None:  # shards each have sums by crossed level
        shard_rows = max(shard_rows, min(SHARE_ROWS * n_crossed, SHARD_MAX))
    elif dense and earlier is None and not whole and _is_small(design, family):
        kind, n_nested, shard_rows = DenseShard, 0, len(y) + 1
    constant = _constant_predictors(design)
    rows = _sorting(design, order, n_nested)
    cutter = _cutter(design, rows, (order, n_nested), family, y[rows], constant)
    cutter = replace(cutter, kind=kind)
    if weights is not None:
        cutter = replace(cutter, weights=weights[rows])
    if earlier is not None:
        cutter = replace(cutter, known=earlier.effect_information)
        if n_nested > 1:  # levels without rows stay with those that they are known to belong to
            shard_rows = max(1, len(y))
    shards = Here([cutter.shard(rows) for rows in cutter.cuts(shard_rows)], n_threads)
    n_columns = [x.shape[1] for x in design.fixed]
    problem = assemble(design.layout, family, shards, (order, n_nested), n_columns)
    if earlier is not None and order:
        problem = replace(problem, prior=NormalPrior.of(earlier, order, shards))
    rows = np.arange(len(y)) if isinstance(rows, slice) else rows
    return replace(problem, rows=rows, plan=plan)


def _is_small(design: Design, family: Family) -> bool:
    """Whether dense matrices of all effects cost less than calls; normal rows are condensed."""
    n_effects = sum(factor.size for factor in design.layout.factors)
    return not family.is_normal and is_small(design.n_samples, n_effects)


def _nesting(design: Design, earlier: NormalPosterior | None) -> Callable[[int, int], bool]:
    """Whether levels of a factor belong to one of another, in these rows and in earlier ones."""

    def nested(f: int, g: int) -> bool:
        codes, above = design.codes[f], design.codes[g]
        if earlier is not None:
            known = earlier.effect_information.between(f, g)
            codes = np.concatenate([known.left, codes])
            above = np.concatenate([known.right, above])
        return is_nested(codes, above, design.layout.factors[f].n_levels)

    return nested


def bind_part(
    design: Design,
    unit: Floats,
    weights: Floats | None,
    family: Family,
    arranged: tuple[tuple[int, ...], int],
    constant: Sequence[bool],
) -> Shard:
    """Make one shard of a part of the rows that holds all rows of its levels of the chain.

    Parameters
    ----------
    design : Design
        Of these rows; its layout is that of all rows.
    unit : ndarray, shape (n,)
        Responses, within the support of the family.
    weights : ndarray, shape (n,), or None
    family : Family
    arranged : tuple
        What `arrange` returned.
    constant : sequence of bool
        Which predictors have the same value in every row of all parts.
    """
    keep_freed_memory()
    rows = _sorting(design, *arranged)
    cutter = _cutter(design, rows, arranged, family, unit[rows], constant)
    if weights is not None:
        cutter = replace(cutter, weights=weights[rows])
    return cutter.whole()


def assemble(
    layout: Layout,
    family: Family,
    shards: Parts[Shard],
    arranged: tuple[tuple[int, ...], int],
    n_columns: Sequence[int],
) -> Problem:
    """Return the problem of some shards, with the model's own prior.

    Parameters
    ----------
    layout : Layout
    family : Family
    shards : Parts of Shard
    arranged : tuple
        What `arrange` returned.
    n_columns : sequence of int
        Fixed columns of each predictor.
    """
    (order, n_nested), factors = arranged, layout.factors
    return Problem(
        family=family,
        shape=Sizes(tuple(n_columns), tuple(f.covariance.n_params for f in factors)),
        covariances=tuple(f.covariance for f in factors),
        order=order,
        n_nested=n_nested,
        n_levels=tuple(factors[f].n_levels for f in order),
        shards=shards,
        prior=StandardPrior(),
        rows=np.zeros(0, dtype=np.intp),
        approximation=Laplace(),
    )


def _sorting(design: Design, order: tuple[int, ...], n_nested: int) -> Ints | slice:
    """Places of the rows, sorted by the chain, its last factor first, then by the others.

    Of rows that are sorted it is a slice: what is taken then is no copy.
    """
    by = (*order[n_nested:][::-1], *order[:n_nested])  # the last is the first
    sizes = [design.layout.factors[f].n_levels for f in by]
    rows = grouped([design.codes[f] for f in by], sizes)
    return slice(None) if rows is None else rows


def _cutter(
    design: Design,
    rows: Ints | slice,
    arranged: tuple[tuple[int, ...], int],
    family: Family,
    y: Floats,
    constant: Sequence[bool],
) -> Cutter:
    prepared = family.prepare(y)
    return Cutter(design, rows, *arranged, prepared, None, list(constant), family.packing, None)


def arrange(
    layout: Layout,
    nested: Callable[[int, int], bool],
    *,
    whole: bool = False,
    is_dense: bool = True,
) -> tuple[tuple[int, ...], int]:
    """Order the factors: a chain that begins with the largest, then the others by size.

    Parameters
    ----------
    layout : Layout
    nested : callable
        Whether each level of the first factor, given by its place in the layout, meets one level
        of the second.
    whole : bool, default=False
        Whether the chain is to have every factor that can be in it, not only large ones.
    is_dense : bool, default=True
        Whether crossed effects are to be factorized, which takes memory.

    Returns
    -------
    order : tuple of int
    n_nested : int
        Length of the chain.

    Raises
    ------
    DesignError
        If crossed factors have too many levels to be solved densely in the memory that there is.
    """
    factors = layout.factors
    by_size = sorted(range(len(factors)), key=lambda f: -factors[f].size)
    if whole:  # the innermost has the most levels
        by_size.sort(key=lambda f: -factors[f].n_levels)
    chain = by_size[:1]
    for f in by_size[1:]:
        if (whole or factors[f].n_levels >= CHAIN_FROM) and nested(chain[-1], f):
            chain.append(f)
    crossed = [f for f in by_size if f not in chain]
    if is_dense:
        _check_crossed([factors[f] for f in (*chain, *crossed)], len(chain))
    return (*chain, *crossed), len(chain)


def is_nested(codes: Ints, above: Ints, n_levels: int) -> bool:
    """Return whether the rows of each level of `codes` are of one level of `above`."""
    parent = np.zeros(n_levels, dtype=np.intp)
    parent[codes] = above
    return bool(np.array_equal(parent[codes], above))


def _check_crossed(factors: list[Factor], n_nested: int) -> None:
    """Refuse, before any allocation, what would not fit into the memory that there is."""
    n_crossed = sum(factor.size for factor in factors[n_nested:])
    if fits(n_crossed):
        return
    sizes = ", ".join(
        f"{factor.name} ({factor.n_levels:,} levels x {factor.n_columns})" for factor in factors
    )
    msg = (
        f"the random effects are too many to be solved together: beside the largest factor, and "
        f"those that it is nested in, there are {n_crossed:,} effects ({sizes}), whose "
        f"factorization {shortage(n_crossed)}. An estimator with solver='iterative' does without "
        "it; or leave out a factor or a slope, or merge rare levels"
    )
    raise DesignError(msg)


def _constant_predictors(design: Design) -> list[bool]:
    """Which predictors have the same value in every row."""
    fed = {k for factor in design.layout.factors for k in factor.predictors}
    return [
        k not in fed and design.offsets[k] is None and bool(np.all(x == x[:1]))
        for k, x in enumerate(design.fixed)
    ]
