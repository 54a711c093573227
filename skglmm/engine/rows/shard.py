"""A shard of rows with whole levels of the nested factors: predictors, scores, cross-products."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats, Ints, slices
from skglmm.engine.rows.covariances import CrossProducts, level_kernels, row_covariances
from skglmm.engine.rows.factor_rows import AnyFactorRows, FactorRows, OneHotRows, times
from skglmm.engine.rows.rows import Move, Rows
from skglmm.families import Family, LogDensity, Packing
from skglmm.linalg import Chain, Grouping, congruence

__all__ = ["CommonLevels", "Shard"]

CACHE_ROWS = 16_384  # rows whose temporaries stay in the second-level cache


class CommonLevels(NamedTuple):
    """The pairs of levels of two factors that occur together in some row."""

    grouping: Grouping  # rows to pairs
    left: Ints  # (n_pairs,) level of the first factor
    right: Ints  # (n_pairs,) level of the second


@dataclass(frozen=True)
class Shard:
    """Rows of a problem: responses, columns, levels, patterns, whatever the parameters.

    Parameters
    ----------
    prepared : ndarray, shape (m, n)
        What the family needs of the response.
    weights : ndarray, shape (n,), or None
    fixed : tuple of ndarray, each of shape (n, p_k), or (1, p_k) when all rows are equal
    offsets : tuple of ndarray of shape (n,), or None
    factors : tuple of FactorRows or OneHotRows
        The grouping factors, those of the chain first.
    pairs : mapping from (f, g), f < g, to CommonLevels
    places : mapping from (f, g), f <= g, both not of the chain, to two arrays of int
        Rows (k_f, 1, P) and columns (1, k_g, P) of the block of the crossed factors that a pair
        reaches.
    levels : tuple of ndarray of int
        The levels that this shard owns, of each factor of the chain.
    chain : Chain
        How these levels hang together, and with the other factors.
    packing : Packing
        Which derivatives of the log density there are.
    """

    prepared: Floats
    weights: Floats | None
    fixed: tuple[Floats, ...]
    offsets: tuple[Floats | None, ...]
    factors: tuple[AnyFactorRows, ...]
    pairs: Mapping[tuple[int, int], CommonLevels]
    places: Mapping[tuple[int, int], tuple[Ints, Ints]]
    levels: tuple[Ints, ...]
    chain: Chain
    packing: Packing

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.prepared.shape[1])

    def predictors(self, beta: Sequence[Floats], effects: Sequence[Floats]) -> list[Floats]:
        """Linear predictors, each of shape (n,) or (1,).

        `effects` are (k, L) for each factor, of the chain only the levels of this shard.
        """
        eta = [x @ b for x, b in zip(self.fixed, beta, strict=True)]
        for k, offset in enumerate(self.offsets):
            if offset is not None:
                eta[k] = eta[k] + offset
        return [row for row in self._with_random([*eta], effects) if row is not None]

    def move(self, beta: Sequence[Floats], effects: Sequence[Floats]) -> Move:
        """Changes of linear predictors with fixed and random effects; None for no change."""
        found = [x @ b if b.any() else None for x, b in zip(self.fixed, beta, strict=True)]
        return self._with_random(found, effects)

    def random_part(self, effects: Sequence[Floats]) -> list[Floats]:
        """What the random effects add to each predictor, of shape (n,) or (1,)."""
        found = self.random_move(effects)
        return [np.zeros(1) if row is None else row for row in found]

    def random_move(self, effects: Sequence[Floats]) -> list[Floats | None]:
        """Changes of linear predictors with random effects; None for no change."""
        return self._with_random([None for _ in self.fixed], effects)

    def _with_random(
        self, found: list[Floats | None], effects: Sequence[Floats]
    ) -> list[Floats | None]:
        """Add what the random effects add to each predictor; None stays where they are zero."""
        for factor, local in zip(self.factors, effects, strict=True):
            factor.add_to(found, local)
        return found

    def evaluate(self, family: Family, eta: Sequence[Floats], order: int) -> Rows:
        """Log density and its derivatives at the linear predictors `eta`; `order` is 2 or 3."""
        value, *derivatives = self.log_density(family, eta, order)
        return Rows(float(value.sum()), *derivatives)

    def log_density(self, family: Family, eta: Sequence[Floats], order: int) -> list[Floats]:
        """Weighted log density of each row, (n,), and its derivatives up to `order`, packed."""
        parts = [
            family.log_density(self.prepared[:, rows], _cut(eta, rows), order)
            for rows in slices(self.n_rows, CACHE_ROWS)
        ]
        return [
            _weighted([getattr(part, name) for part in parts], self.weights)
            for name in LogDensity._fields[: order + 1]
        ]

    def expected_hess(self, family: Family, eta: Sequence[Floats]) -> Floats:
        """Weighted expected Hessian of the log density, never positive."""
        full = [np.broadcast_to(row, (self.n_rows,)) for row in eta]
        return _weighted([-family.expected_information(full)], self.weights)

    def level_sums(self, rows: Mapping[int, Floats] | Sequence[Floats] | Floats) -> list[Floats]:
        """Products Z'r: sums of z times a row of its predictor, (k_f, L_f) for each factor."""
        return [factor.sums(rows) for factor in self.factors]

    def cross_products(self, hess: Floats) -> CrossProducts:
        """Cross-products Z'WZ, sums of -z hess z': (k_f, k_g, levels or pairs) for f <= g.

        Of one-hot effects (f, f) is the diagonal, (k, L).
        """
        sums: dict[tuple[int, int], Floats] = {}
        for f, left in enumerate(self.factors):
            sums[f, f] = self._empty(f, f)
            if isinstance(left, FactorRows) and left.is_alone:
                sums[f, f][:, :, 0] = self._products(left, hess)
            for g in range(f + 1, len(self.factors)):
                sums[f, g] = self._empty(f, g)
            for c, k, z in left.slots:
                weighted = [
                    times(hess[self._pair(k, j)], z) if j in self.active else None
                    for j in range(len(self.fixed))
                ]
                self._own_cross_products(sums, weighted, f, c)
                self._cross_products_of(sums, weighted, f, c)
        return sums

    def add_crossed(self, out: Floats, sums: CrossProducts, lambdas: Sequence[Floats]) -> None:
        """Add the share of A_CC to the upper triangle of `out`, (n_crossed, n_crossed), in place.

        `sums` are cross-products, of derivatives in b, and `lambdas` make them those in u.
        """
        for (f, g), (rows, columns) in self.places.items():
            share = congruence(lambdas[f], sums[f, g], lambdas[g])
            out[rows, columns] += share  # every place occurs once, in the upper triangle

    def at_places(self, crossed: Floats) -> CrossProducts:
        """Return the blocks of a matrix of the crossed effects that the rows meet."""
        return {key: crossed[rows, columns] for key, (rows, columns) in self.places.items()}

    def row_covariances(
        self, blocks: CrossProducts, lambdas: Sequence[Floats]
    ) -> dict[tuple[int, int], Floats]:
        """Posterior covariance of each row's predictors j <= k, shape (n,), from inv(H) in u."""
        return row_covariances(self.factors, self.cells, blocks, lambdas)

    def level_kernels(
        self, sums: CrossProducts, blocks: CrossProducts, lambdas: Sequence[Floats]
    ) -> list[Floats]:
        """The share of K = sum of Z'W A inv(H), (k, k) for each factor."""
        return level_kernels(sums, blocks, lambdas)

    def _empty(self, f: int, g: int) -> Floats:
        left, right = self.factors[f], self.factors[g]
        if f == g and isinstance(left, OneHotRows):
            return np.empty((left.n_columns, left.grouping.size))
        n = left.grouping.size if f == g else self.pairs[f, g].grouping.size
        return np.empty((left.n_columns, right.n_columns, n))

    def _own_cross_products(
        self, sums: CrossProducts, weighted: list[Floats | None], f: int, c: int | slice
    ) -> None:
        """Fill the cross-products of column `c` of factor `f` with later ones of the factor."""
        factor, block = self.factors[f], sums[f, f]
        if isinstance(factor, OneHotRows):
            weight = weighted[factor.predictor]
            assert weight is not None  # the predictor is active
            np.negative(factor.cells.sum(times(weight, factor.values)).reshape(block.shape), block)
            return
        if factor.is_alone:
            return
        assert isinstance(c, int)
        for d in range(c, factor.n_columns):
            weight = weighted[factor.predictors[d]]
            assert weight is not None
            found = factor.grouping.sum(times(weight, factor.columns[d]))
            np.negative(found, out=block[c, d])
            if d > c:
                block[d, c] = block[c, d]

    def _cross_products_of(
        self, sums: CrossProducts, weighted: list[Floats | None], f: int, c: int | slice
    ) -> None:
        """Fill the cross-products of column `c` of factor `f` with those of later factors."""
        for g in range(f + 1, len(self.factors)):
            cells = self.cells[f, g]
            for d, j, column in self.factors[g].slots:
                weight, block = weighted[j], sums[f, g][c, d]
                assert weight is not None  # the predictor is active
                found = cells.sum(times(weight, column))
                np.negative(found.reshape(block.shape), out=block)

    @cached_property
    def cells(self) -> Mapping[tuple[int, int], Grouping]:
        """Rows to entries of the blocks of two factors, (k_f, k_g, P), for one column of each.

        All effects of a one-hot factor count as one column.
        """
        return {key: self._cells(*key) for key in self.pairs}

    def _cells(self, f: int, g: int) -> Grouping:
        left, right, pairs = self.factors[f], self.factors[g], self.pairs[f, g].grouping
        codes, size = pairs.codes, pairs.size
        for factor in (right, left):
            if isinstance(factor, OneHotRows):
                codes, size = factor.index * size + codes, factor.n_columns * size
        return pairs if codes is pairs.codes else Grouping(codes, size)

    def _products(self, factor: FactorRows, hess: Floats) -> Floats:
        """Sums of -z hess z' over all rows, (k, k)."""
        found = np.empty((factor.n_columns, factor.n_columns))
        for j, (rows, left) in factor.matrices.items():
            for k, (columns, right) in factor.matrices.items():
                weighted = -hess[self._pair(j, k)][:, None] * right
                found[np.ix_(rows, columns)] = left.T @ weighted
        return found

    def _pair(self, j: int, k: int) -> int:
        """Row of a second derivative in two active predictors."""
        return self.packing.pairs[min(j, k), max(j, k)]

    @cached_property
    def active(self) -> tuple[int, ...]:
        """The predictors that random effects feed."""
        return tuple(sorted({k for factor in self.factors for k in factor.predictors}))

    def pull(self, k: int, row: Floats) -> Floats:
        """``X_k.T @ row``, shape (p_k,)."""
        x = self.fixed[k]
        return np.asarray(x.T @ (row if len(x) == len(row) else row.sum(keepdims=True)))


def _cut(eta: Sequence[Floats], rows: slice) -> list[Floats]:
    return [row if len(row) == 1 else row[rows] for row in eta]


def _weighted(parts: list[Floats], weights: Floats | None) -> Floats:
    whole = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
    return whole if weights is None else whole * weights
