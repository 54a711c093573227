"""A design bound to its response: rows sorted once, cut into shards."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Covariance
from skglmm.design import Design, Factor
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.laplace._cut import Cutter
from skglmm.laplace._params import Params, Shape
from skglmm.laplace._prior import NormalPrior, Prior, Remembered, StandardPrior
from skglmm.laplace._shard import CACHE_ROWS, Shard

__all__ = ["Modes", "Problem", "bind"]

REST_MAX = 10_000  # columns that are solved densely: three matrices of 800 MB

T = TypeVar("T")
Modes = tuple[Floats, ...]  # spherical effects, (k, L) for each factor, leading factor first


@dataclass(frozen=True)
class Problem:
    """What the objective needs beside the parameters.

    Parameters
    ----------
    family : Family
    shape : Shape
        Lengths of the parameter vector.
    covariances : tuple of Covariance
        One for each factor, in the order of the layout.
    order : tuple of int
        The factors of the layout, the leading (largest) one first.
    n_levels : tuple of int
        Levels of each factor, leading one first.
    shards : tuple of Shard
    prior : Prior
        Of the spherical effects.
    rows : ndarray of int, shape (n,)
        Places of the sorted rows in the design.
    """

    family: Family
    shape: Shape
    covariances: tuple[Covariance, ...]
    order: tuple[int, ...]
    n_levels: tuple[int, ...]
    shards: tuple[Shard, ...]
    prior: Prior
    rows: Ints

    def with_response(self, y: Floats) -> "Problem":
        """Return the problem with another response, shape (n,), in the order of the design."""
        prepared = self.family.prepare(y[self.rows])
        ends = np.cumsum([shard.n_rows for shard in self.shards])[:-1]
        pieces = np.split(prepared, ends, axis=1)
        shards = (
            replace(shard, prepared=np.ascontiguousarray(piece))
            for shard, piece in zip(self.shards, pieces, strict=True)
        )
        return replace(self, shards=tuple(shards))

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Columns and levels of each factor, leading one first."""
        columns = (self.covariances[f].size for f in self.order)
        return tuple(zip(columns, self.n_levels, strict=True))

    @cached_property
    def n_rest(self) -> int:
        """Number of spherical effects of all factors but the leading one."""
        return sum(k * n for k, n in self.sizes[1:])

    def zero(self) -> Modes:
        """Spherical effects that are all zero."""
        return tuple(np.zeros(size) for size in self.sizes)

    def roots(self, params: Params) -> list[Floats]:
        """Factors of the covariances, (k, k), leading one first."""
        return [self.covariances[f].factor(params.theta[f]) for f in self.order]

    def cut_rest(self, rest: Floats) -> list[Floats]:
        """Cut a vector of the rest into (k, L) for each factor but the leading one."""
        pieces, start = [], 0
        for k, n in self.sizes[1:]:
            pieces.append(rest[start : start + k * n].reshape(k, n))
            start += k * n
        return pieces

    def join(self, tops: list[Floats], rest: Floats) -> Modes:
        """Put the leading factor's pieces and the vector of the rest together."""
        if not self.order:
            return ()
        return (np.concatenate(tops, axis=1), *self.cut_rest(rest))

    def in_layout_order(self, parts: Sequence[T]) -> tuple[T, ...]:
        """Reorder parts, one for each factor, that begin with the leading factor."""
        return tuple(parts[self.order.index(f)] for f in range(len(parts)))

    def split(self, modes: Modes) -> tuple[list[Floats], Floats]:
        """Undo `join`: one (k_0, levels of the shard) for each shard, and the rest."""
        if not self.order:
            return [np.zeros((0, 0)) for _ in self.shards], np.zeros(0)
        tops = [modes[0][:, shard.levels] for shard in self.shards]
        return tops, np.concatenate([np.zeros(0), *(u.ravel() for u in modes[1:])])


def bind(
    design: Design,
    y: Floats,
    weights: Floats | None,
    family: Family,
    shard_rows: int = CACHE_ROWS,
    remembered: Remembered | None = None,
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

    Raises
    ------
    DesignError
        If the factors beside the largest have too many levels to be solved densely.
    """
    factors = design.layout.factors
    order = tuple(
        sorted(range(len(factors)), key=lambda f: -factors[f].n_columns * factors[f].n_levels)
    )
    _check_rest([factors[f] for f in order])
    codes = [design.codes[f] for f in order]
    rows = np.lexsort(codes[::-1]) if codes else np.arange(design.n_samples)
    design, prepared = design.take(rows), family.prepare(y[rows])
    weights = None if weights is None else weights[rows]
    constant = _constant_predictors(design)
    known = None if remembered is None else remembered.curvature
    cutter = Cutter(design, order, prepared, weights, constant, known)
    shards = tuple(cutter.shard(rows) for rows in cutter.cuts(shard_rows))
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
        n_levels=tuple(factors[f].n_levels for f in order),
        shards=shards,
        prior=prior,
        rows=rows,
    )


def _check_rest(factors: list[Factor]) -> None:
    """Refuse, before any allocation, what would not fit."""
    n_rest = sum(factor.size for factor in factors[1:])
    if n_rest <= REST_MAX:
        return
    sizes = ", ".join(
        f"{factor.name} ({factor.n_levels:,} levels x {factor.n_columns})" for factor in factors
    )
    msg = (
        f"the random effects are too many to be solved together: beside the largest factor there "
        f"may be at most {REST_MAX:,} effects, but there are {n_rest:,} ({sizes}), a matrix of "
        f"{8e-9 * n_rest**2:,.1f} GB; leave out a factor or a slope, or merge rare levels"
    )
    raise DesignError(msg)


def _constant_predictors(design: Design) -> list[bool]:
    """Which predictors have the same value in every row."""
    fed = {k for factor in design.layout.factors for k in factor.predictors}
    return [
        k not in fed and design.offsets[k] is None and bool(np.all(x == x[:1]))
        for k, x in enumerate(design.fixed)
    ]
