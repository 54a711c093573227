"""The rows of a small problem, with the columns of all random effects in dense matrices.

Where few rows meet few effects, calls cost more than arithmetic: one product of matrices takes less
time than sums by level, by pair of levels and by column, one after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.factor_rows import OneHotRows
from skglmm.engine.rows.shard import Shard

__all__ = ["DensePairs", "DenseShard", "is_small"]

ROWS_MAX, EFFECTS_MAX = 5_000, 150
PRODUCT_MAX = 4_000_000  # multiplications of one cross-product: as long as the calls that it saves


def is_small(n_rows: int, n_effects: int) -> bool:
    """Return whether products of dense matrices cost less than calls, of so many rows and effects.

    Parameters
    ----------
    n_rows, n_effects : int
    """
    return n_rows <= ROWS_MAX and n_effects <= EFFECTS_MAX and n_rows * n_effects**2 <= PRODUCT_MAX


class DensePairs(Mapping[tuple[int, int], Floats]):
    """A symmetric matrix of all effects that is read as blocks of pairs of levels.

    Parameters
    ----------
    whole : ndarray, shape (q, q)
    places : mapping from (f, g) to two arrays of int
        See `Shard`.
    diagonal : sequence of int
        Factors of which only the diagonal of their own block is read, (k, L).
    """

    def __init__(
        self,
        whole: Floats,
        places: Mapping[tuple[int, int], tuple[Ints, Ints]],
        diagonal: Sequence[int] = (),
    ) -> None:
        self.whole = whole
        self._places = places
        self._diagonal = diagonal

    def __getitem__(self, key: tuple[int, int]) -> Floats:
        rows, columns = self._places[key]
        f, g = key
        if f == g and f in self._diagonal:
            own = rows[:, 0]
            return np.asarray(self.whole[own, own])
        return np.asarray(self.whole[rows, columns])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class DenseShard(Shard):
    """All rows of a small problem whose factors are all crossed: there is no chain.

    Its parameters are those of `Shard`.
    """

    @cached_property
    def slices(self) -> list[slice]:
        """Where the effects of each factor are in the vector of all, (k, L) in rows."""
        sizes = [factor.n_columns * factor.grouping.size for factor in self.factors]
        ends = np.cumsum([0, *sizes])
        return [slice(int(start), int(end)) for start, end in pairwise(ends)]

    @cached_property
    def matrices(self) -> dict[int, tuple[Ints | slice, Floats]]:
        """Effects that feed each active predictor, and their columns, (n, number of these)."""
        found: dict[int, tuple[Ints | slice, Floats]] = {}
        rows = np.arange(self.n_rows)
        for k in self.active:
            places, columns = [], []
            for factor, own in zip(self.factors, self.slices, strict=True):
                size = factor.grouping.size
                for c, (predictor, column) in enumerate(
                    zip(factor.predictors, factor.columns, strict=True)
                ):
                    if predictor != k:
                        continue
                    block = np.zeros((self.n_rows, size))
                    block[rows, factor.grouping.codes] = 1.0 if column is None else column
                    columns.append(block)
                    places.append(own.start + c * size + np.arange(size))
            place = np.concatenate(places)
            is_all = len(place) == self.slices[-1].stop
            found[k] = slice(None) if is_all else place, np.hstack(columns)
        return found

    def _with_random(
        self, found: list[Floats | None], effects: Sequence[Floats]
    ) -> list[Floats | None]:
        whole = _flat(effects)
        if not whole.any():
            return found
        for k, (places, columns) in self.matrices.items():
            part, before = columns @ whole[places], found[k]
            if before is not None:
                part += before
            found[k] = part
        return found

    def level_sums(self, rows: Mapping[int, Floats] | Sequence[Floats] | Floats) -> list[Floats]:
        whole = np.zeros(self.slices[-1].stop) if self.slices else np.zeros(0)
        for k, (places, columns) in self.matrices.items():
            whole[places] = rows[k] @ columns
        return [
            whole[own].reshape(factor.n_columns, -1)
            for own, factor in zip(self.slices, self.factors, strict=True)
        ]

    def cross_products(self, hess: Floats) -> CrossProducts:
        size = self.slices[-1].stop if self.slices else 0
        whole = np.zeros((size, size))
        for j, (mine, left) in self.matrices.items():
            for k, (theirs, right) in self.matrices.items():
                if j > k:
                    continue
                block = left.T @ (right * -hess[self._pair(j, k)][:, None])
                _put(whole, mine, theirs, block)
                if j != k:
                    _put(whole, theirs, mine, block.T)
        return DensePairs(whole, self.places, self._one_hot)

    @cached_property
    def _one_hot(self) -> tuple[int, ...]:
        return tuple(f for f, each in enumerate(self.factors) if isinstance(each, OneHotRows))

    def add_crossed(self, out: Floats, sums: CrossProducts, lambdas: Sequence[Floats]) -> None:
        assert isinstance(sums, DensePairs)
        half = self._turned(lambdas, sums.whole)
        out += self._turned(lambdas, half.T)

    def _turned(self, lambdas: Sequence[Floats], matrix: Floats) -> Floats:
        """``lambda_.T`` of each factor times its rows of a matrix, (q, m)."""
        if all(len(lambda_) == 1 for lambda_ in lambdas):
            return self._by_scale([lambda_[0, 0] for lambda_ in lambdas])[:, None] * matrix
        found = np.empty(matrix.shape)
        for own, lambda_ in zip(self.slices, lambdas, strict=True):
            part = matrix[own].reshape(len(lambda_), -1)
            found[own] = (lambda_.T @ part).reshape(-1, matrix.shape[1])
        return found

    def _by_scale(self, scales: Sequence[float]) -> Floats:
        return np.repeat(scales, [own.stop - own.start for own in self.slices])

    def at_places(self, crossed: Floats) -> CrossProducts:
        return DensePairs(crossed, self.places)

    def row_covariances(
        self, blocks: CrossProducts, lambdas: Sequence[Floats]
    ) -> dict[tuple[int, int], Floats]:
        assert isinstance(blocks, DensePairs)
        turned = [lambda_.T for lambda_ in lambdas]
        whole = self._turned(turned, self._turned(turned, blocks.whole).T)
        found = {}
        for j, (mine, left) in self.matrices.items():
            half = left @ whole[mine]
            for k, (theirs, right) in self.matrices.items():
                if j <= k:
                    found[j, k] = np.einsum("nq,nq->n", half[:, theirs], right)
        return found

    def level_kernels(
        self, sums: CrossProducts, blocks: CrossProducts, lambdas: Sequence[Floats]
    ) -> list[Floats]:
        assert isinstance(sums, DensePairs)
        assert isinstance(blocks, DensePairs)
        lifted = self._turned([lambda_.T for lambda_ in lambdas], blocks.whole)
        found = []
        for own, lambda_ in zip(self.slices, lambdas, strict=True):
            size = len(lambda_)
            rows, columns = sums.whole[own], lifted[:, own].T
            found.append(rows.reshape(size, -1) @ columns.reshape(size, -1).T)
        return found


def _flat(effects: Sequence[Floats]) -> Floats:
    return np.concatenate([part.reshape(-1) for part in effects] or [np.zeros(0)])


def _put(whole: Floats, rows: Ints | slice, columns: Ints | slice, block: Floats) -> None:
    if isinstance(rows, slice):
        whole[:, columns] = block
    elif isinstance(columns, slice):
        whole[rows] = block
    else:
        whole[np.ix_(rows, columns)] = block
