"""A design bound to its response: rows sorted once, cut into shards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Covariance
from skglmm.design import Design, Factor
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.laplace._params import Params, Shape
from skglmm.laplace._shard import CACHE_ROWS, Load, Pair, Shard
from skglmm.linalg import Grouping, Pattern

__all__ = ["Modes", "Problem", "bind"]

REST_MAX = 10_000  # columns that are solved densely: three matrices of 800 MB

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
    """

    family: Family
    shape: Shape
    covariances: tuple[Covariance, ...]
    order: tuple[int, ...]
    n_levels: tuple[int, ...]
    shards: tuple[Shard, ...]

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
    maker = _Maker(design, order, prepared, weights, constant)
    return Problem(
        family=family,
        shape=Shape(
            tuple(x.shape[1] for x in design.fixed), tuple(f.covariance.n_params for f in factors)
        ),
        covariances=tuple(f.covariance for f in factors),
        order=order,
        n_levels=tuple(factors[f].n_levels for f in order),
        shards=tuple(maker.shard(rows) for rows in maker.cuts(shard_rows)),
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


@dataclass(frozen=True)
class _Maker:
    """Cuts sorted rows into shards."""

    design: Design
    order: tuple[int, ...]
    prepared: Floats
    weights: Floats | None
    constant: list[bool]

    def cuts(self, shard_rows: int) -> Iterator[slice]:
        """Ranges of rows that split no level of the leading factor."""
        n = self.design.n_samples
        ends = np.arange(shard_rows, n, shard_rows)
        if self.order:
            leading = self.design.codes[self.order[0]]
            ends = np.unique(np.searchsorted(leading, leading[ends - 1], side="right"))
        bounds = np.unique(np.concatenate([[0], ends, [n]]).astype(int))
        for start, end in pairwise(bounds):
            yield slice(int(start), int(end))

    def shard(self, rows: slice) -> Shard:
        """Build the shard of a range of rows."""
        design = self.design
        loads = tuple(self._load(f, rows, leading=i == 0) for i, f in enumerate(self.order))
        pairs = {
            (f, g): _pair(loads[f].grouping, loads[g].grouping)
            for f in range(len(loads))
            for g in range(f + 1, len(loads))
        }
        return Shard(
            prepared=np.ascontiguousarray(self.prepared[:, rows]),
            weights=None if self.weights is None else self.weights[rows],
            fixed=tuple(
                np.asfortranarray(x[:1] if one else x[rows])
                for x, one in zip(design.fixed, self.constant, strict=True)
            ),
            offsets=tuple(None if o is None else o[rows] for o in design.offsets),
            loads=loads,
            pairs=pairs,
            places=_places(loads, pairs),
            levels=self._levels(rows),
            pattern=_pattern(loads, pairs),
        )

    def _levels(self, rows: slice) -> slice:
        if not self.order:
            return slice(0, 0)
        leading, n = self.design.codes[self.order[0]], self.design.n_samples
        last = self.design.layout.factors[self.order[0]].n_levels
        start = 0 if rows.start == 0 else int(leading[rows.start])
        return slice(start, last if rows.stop == n else int(leading[rows.stop]))

    def _load(self, f: int, rows: slice, *, leading: bool) -> Load:
        factor, codes = self.design.layout.factors[f], self.design.codes[f][rows]
        size = factor.n_levels
        if leading:
            levels = self._levels(rows)
            codes, size = codes - levels.start, levels.stop - levels.start
        columns = self.design.columns[f][rows]
        return Load(
            grouping=Grouping(np.ascontiguousarray(codes), size),
            columns=tuple(
                None if np.all(column == 1.0) else np.ascontiguousarray(column)
                for column in columns.T
            ),
            predictors=factor.predictors,
        )


def _pair(left: Grouping, right: Grouping) -> Pair:
    keys, codes = np.unique(left.codes * right.size + right.codes, return_inverse=True)
    return Pair(Grouping(codes, len(keys)), keys // right.size, keys % right.size)


def _places(
    loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair]
) -> dict[tuple[int, int], tuple[Ints, Ints]]:
    """Rows (k_f, 1, P) and columns (1, k_g, P) of A_RR that the moments (f, g) reach."""
    sizes = [(len(load.columns), load.grouping.size) for load in loads]
    starts = np.cumsum([0, 0, *(k * n for k, n in sizes[1:])])
    places = {}
    for f in range(1, len(loads)):
        for g in range(f, len(loads)):
            every = np.arange(sizes[f][1])
            left, right = (every, every) if f == g else pairs[f, g][1:]
            rows = starts[f] + sizes[f][1] * np.arange(sizes[f][0])[:, None, None] + left
            columns = starts[g] + sizes[g][1] * np.arange(sizes[g][0])[None, :, None] + right
            places[f, g] = rows, columns
    return places


def _pattern(loads: tuple[Load, ...], pairs: Mapping[tuple[int, int], Pair]) -> Pattern:
    """Entries of A_0R in the order factor, column, pair."""
    levels: list[Ints] = [np.zeros(0, dtype=np.intp)]
    columns: list[Ints] = [np.zeros(0, dtype=np.intp)]
    start = 0
    for g, load in enumerate(loads[1:], 1):
        for _ in load.columns:
            levels.append(pairs[0, g].left)
            columns.append(start + pairs[0, g].right)
            start += load.grouping.size
    n_levels = loads[0].grouping.size if loads else 0
    return Pattern(np.concatenate(levels), np.concatenate(columns), n_levels, start)
