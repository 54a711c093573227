"""The profiled likelihood of few effects in one dense matrix: few calls, the same numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs

from skglmm.arrays import Floats, Ints
from skglmm.engine.gaussian.condensed import CondensedShard
from skglmm.engine.gaussian.profiled import ProfiledLikelihood, SolvedMode, curvatures
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Point
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Arrowhead, Chain, Elimination, full_matrices
from skglmm.parts import Here

__all__ = ["DenseLikelihood", "DenseMode", "gram_of", "pulled"]


NOTHING = Here((Elimination(Chain({}, (), {}), ()),))  # of an arrowhead whose columns are crossed


@dataclass(frozen=True)
class DenseMode(SolvedMode):
    """A solution as vectors of all effects.

    Parameters
    ----------
    effects : ndarray, shape (q,)
        The solution.
    residuals : ndarray, shape (q,)
        Products of all columns with the residuals.
    turn : ndarray, shape (q, q) or (q,)
        From spherical effects to effects; a diagonal is a vector.
    lower : ndarray, shape (q, q)
        Cholesky factor of the equations.
    """

    effects: Floats = field(kw_only=True)
    residuals: Floats = field(kw_only=True)
    turn: Floats = field(kw_only=True)
    lower: Floats = field(kw_only=True)


@dataclass(frozen=True)
class DenseLikelihood(ProfiledLikelihood):
    """The profiled likelihood of few effects.

    Parameters
    ----------
    gram : ndarray, shape (q, q)
        Cross-products of the columns of all effects, fixed ones last.
    sizes : tuple of (int, int)
        Columns and levels of each factor, leading one first; the fixed effects are the last one.
    """

    gram: Floats
    sizes: tuple[tuple[int, int], ...]

    @cached_property
    def _sums(self) -> Floats:
        return np.concatenate([part.ravel() for part in self.condensed.sums])

    @cached_property
    def _penalty(self) -> Floats:
        return np.append(np.ones(len(self.gram) - self.n_fixed), np.zeros(self.n_fixed))

    @cached_property
    def places(self) -> list[slice]:
        """Places of the effects of each factor, leading one first."""
        ends = np.cumsum([k * n for k, n in self.sizes]).tolist()
        return [slice(b - k * n, b) for b, (k, n) in zip(ends, self.sizes, strict=True)]

    def evaluate(
        self,
        problem: Problem,
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        del start, tol, distance  # the equations are linear
        params = Params.unpack(vector, problem.shape)
        lambdas = tuple(problem.lambdas(params))
        turn = self._turned(lambdas)
        moved = self.gram * turn if turn.ndim == 1 else self.gram @ turn
        matrix = pulled(turn, moved)
        matrix.reshape(-1)[:: len(matrix) + 1] += self._penalty
        lower, info = dpotrf(matrix, lower=1)
        right = pulled(turn, self._sums[:, None])[:, 0]
        effects = dpotrs(lower, right, lower=1)[0]
        square = self.condensed.square - float(right @ effects)
        if info != 0 or not square > 0.0:
            return None
        residuals = self._sums - moved @ effects
        log_det, inverse = self._inverse(lower)
        slopes = self._slopes(moved, inverse, residuals, effects, self.mass / square)
        crossed = problem.n_nested
        nested = tuple(
            effects[own].reshape(size)
            for own, size in zip(self.places[:crossed], self.sizes, strict=False)
        )
        first = self.places[crossed].start
        u = Effects(Here((nested,)), effects[first:])
        point = Point(params, lambdas, u, Here(()), 0.0, 3)
        mode = DenseMode(
            point,
            Here(()),
            Arrowhead(NOTHING, lower),
            square=square,
            effects=effects,
            residuals=residuals,
            turn=turn,
            lower=lower,
            slopes=slopes,
        )
        return self.objective(problem, mode, log_det)

    def _turned(self, lambdas: Sequence[Floats]) -> Floats:
        """From spherical effects to effects, (q, q); of independent ones the diagonal, (q,)."""
        if all(len(lambda_) == 1 for lambda_ in lambdas[:-1]):
            ones = np.ones(self.n_fixed)
            parts = zip(lambdas[:-1], self.sizes, strict=False)
            return np.concatenate([*(np.full(n, each[0, 0]) for each, (_, n) in parts), ones])
        turn = np.zeros_like(self.gram)
        flat = turn.reshape(-1)
        for (k, n), own, lambda_ in zip(self.sizes, self.places, lambdas, strict=True):
            start, step = own.start * (len(turn) + 1), len(turn) + 1
            for a in range(k):
                for b in range(a + 1):
                    if lambda_[a, b]:
                        first = start + n * (a * len(turn) + b)
                        flat[first : first + n * step : step] = lambda_[a, b]
        return turn

    def _inverse(self, lower: Floats) -> tuple[float, Floats]:
        """Half the log determinant, and the inverse that it is that of."""
        half = dpotri(lower, lower=1)[0]  # its upper triangle is zero, as the factor's
        inverse = half + half.T
        inverse.reshape(-1)[:: len(inverse) + 1] *= 0.5
        logs = np.log(np.diagonal(lower))
        if self.integrated:
            return float(logs.sum()), inverse
        n = len(lower) - self.n_fixed
        share = np.linalg.solve(inverse[n:, n:], inverse[n:, :n])
        alone = np.zeros_like(inverse)
        alone[:n, :n] = inverse[:n, :n] - inverse[:n, n:] @ share
        return float(logs[:n].sum()), alone

    def _slopes(
        self, moved: Floats, inverse: Floats, residuals: Floats, effects: Floats, rate: float
    ) -> tuple[Floats, ...]:
        found = []
        for own, spent in zip(self.places, self.outer(residuals, effects), strict=True):
            k = len(spent)
            kernel = moved[own].reshape(k, -1) @ inverse[own].reshape(k, -1).T
            found.append(kernel - rate * spent)
        return tuple(found)

    def outer(self, left: Floats, right: Floats) -> list[Floats]:
        """Return ``left @ right.T`` of the effects of each factor, leading one first."""
        pairs = zip(self.sizes, self.places, strict=True)
        return [left[own].reshape(size) @ right[own].reshape(size).T for size, own in pairs]

    def information(self, problem: Problem, mode: Mode) -> tuple[Floats, ...]:
        """Return the average information, see `ProfiledLikelihood.information`."""
        assert isinstance(mode, DenseMode)
        moved, variance = self._moved(problem, mode), mode.square / self.mass
        times = self.gram @ moved
        forces = pulled(mode.turn, times)
        solved = dpotrs(mode.lower, forces, lower=1)[0]
        with_scale = (mode.residuals @ moved) / variance
        found = 0.5 * (moved.T @ times - forces.T @ solved) / variance
        found -= np.outer(with_scale, with_scale) / (2.0 * self.mass)
        return (found + curvatures(problem, mode.point, mode.slopes),)

    def _moved(self, problem: Problem, mode: DenseMode) -> Floats:
        """``(dLambda Lambda' + Lambda dLambda') Z'We`` of all covariance parameters, (q, n)."""
        moved = np.zeros((problem.shape.n_params, len(self.gram)))
        column = 0
        for f, covariance in enumerate(problem.covariances):
            place = problem.order.index(f)
            changes = list(covariance.moves(mode.point.params.theta[f]))
            if not changes:
                continue
            half = np.array(changes) @ mode.point.lambdas[place].T
            own = self.places[place]
            each = (half + half.swapaxes(1, 2)) @ mode.residuals[own].reshape(self.sizes[place])
            moved[column : column + len(each), own] = each.reshape(len(each), -1)
            column += len(each)
        return moved.T


def gram_of(shard: Shard, condensed: CondensedShard) -> Floats:
    """Return the cross-products of all columns, of one shard, as a dense matrix."""
    sizes = [part.shape for part in condensed.sums]
    starts = np.cumsum([0, *(k * n for k, n in sizes)])
    gram = np.zeros((int(starts[-1]), int(starts[-1])))
    for (f, g), block in condensed.products.items():
        every = np.arange(sizes[f][1])
        left, right = (every, every) if f == g else shard.pairs[f, g][1:]
        rows = _places(int(starts[f]), sizes[f], left)[:, None]
        columns = _places(int(starts[g]), sizes[g], right)[None]
        gram[rows, columns] = gram[columns, rows] = full_matrices(block)
    return gram


def pulled(turn: Floats, columns: Floats) -> Floats:
    """Derivatives in spherical effects, of derivatives in effects, (q, m)."""
    return np.asarray(turn[:, None] * columns if turn.ndim == 1 else turn.T @ columns)


def _places(start: int, size: tuple[int, ...], levels: Ints) -> Ints:
    """Places of the effects of some levels, (k, P)."""
    k, n = size
    return np.asarray(start + n * np.arange(k)[:, None] + levels)
