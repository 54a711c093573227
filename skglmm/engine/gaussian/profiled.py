r"""The likelihood of a linear mixed model with fixed effects and scale profiled out.

With relative covariance factors :math:`\Lambda(\theta)`, in units of :math:`\sigma`, the effects
:math:`v` and :math:`\beta` minimize :math:`r^2 = \lVert y - X\beta - Z\Lambda v \rVert_W^2 +
\lVert v \rVert^2`, the solution of the mixed model equations with the matrix

.. math::

    \tilde H = \begin{pmatrix} I + \Lambda^T Z^T W Z \Lambda & \Lambda^T Z^T W X \\
    X^T W Z \Lambda & X^T W X \end{pmatrix} .

Then :math:`\hat\sigma^2 = r^2 / m`, and minus the log likelihood is, but for constants,
:math:`\tfrac12 \log\det H + \tfrac{m}{2} (1 + \log \hat\sigma^2)`: m is the number of rows and H
the block of v or, restricted, m is less by the number of fixed effects and H the whole matrix [1]_.
Nothing else moves :math:`r^2` to first order, so that with the residuals e

.. math::

    \partial = \langle d\Lambda,\ K - Z^T W e\, v^T / \hat\sigma^2 \rangle, \quad
    K = Z^T W [Z\ X] \tilde\Lambda H^{-1} ,

summed over the levels of a factor, of H on the pattern of levels that meet.

References
----------
.. [1] Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects
   models using lme4. Journal of Statistical Software, 67(1), 1-48.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import log, pi
from typing import NoReturn

import numpy as np
from scipy.linalg.lapack import dtrtri, dtrtrs

from skglmm.arrays import Floats, Ints
from skglmm.engine.gaussian.condensed import CondensedShard
from skglmm.engine.gaussian.products import fixed_removed, times
from skglmm.engine.mode.system import hessian, inverse_blocks, scaled, solve
from skglmm.engine.problem.approximation import Approximation
from skglmm.engine.problem.problem import Problem
from skglmm.engine.rows.covariances import CrossProducts, level_kernels
from skglmm.engine.rows.effects import Effects, products
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import DECREMENT_TOL, Distance, Mode, Objective, Point, Slopes
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import NestedEffects, block_diagonal
from skglmm.parts import Here, Parts

__all__ = [
    "ProfileMode",
    "ProfiledLikelihood",
    "SolvedMode",
    "curvatures",
    "multiplied",
    "outer",
]

Lambdas = Sequence[Floats]
# Smallest singular values of a relative factor: its inverse leaves enough digits of a gradient, or
# of a curvature, which is a guess. A small diagonal says less: with four columns, 0.002 beside
# 5 is a singular value of 1e-9.
REGULAR, LEAST = 1e-3, 1e-7
LARGE = 32  # effects from which on singular values cost more than derivatives without them


@dataclass(frozen=True)
class SolvedMode(Mode):
    """A solution of the mixed model equations: the mode of the effects v.

    Parameters
    ----------
    square : float
        :math:`r^2`.
    slopes : tuple of ndarray, each of shape (k, k)
        Derivative of the objective in each covariance factor, leading one first.
    """

    square: float = field(kw_only=True)
    slopes: tuple[Floats, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class ProfileMode(SolvedMode):
    """A solution by level.

    Parameters
    ----------
    residuals : Effects
        :math:`C^T W e`.
    """

    residuals: Effects = field(kw_only=True)


@dataclass(frozen=True)
class ProfiledLikelihood(Approximation):
    """The likelihood as a function of relative covariance parameters, by cross-products.

    Parameters
    ----------
    condensed : CondensedShard
        Of all rows.
    n_fixed : int
        Number of fixed effects of the location.
    """

    condensed: CondensedShard
    n_fixed: int

    @property
    def mass(self) -> float:
        """Rows that tell the scale: less one for each fixed effect that is integrated out."""
        return self.condensed.weight - (self.n_fixed if self.integrated else 0)

    @property
    def is_sharp(self) -> bool:
        return True

    def evaluate(
        self,
        problem: Problem,
        vector: Floats,
        start: Effects | None = None,
        tol: float = DECREMENT_TOL,
        distance: Distance = "some",
    ) -> Objective | None:
        del start, tol, distance  # the equations are linear
        mode = self.solved(problem, Params.unpack(vector, problem.shape))
        if mode is None:
            return None
        mode = self._with_slopes(problem, mode)
        log_det = mode.system.half_logdet
        if not self.integrated:
            log_det -= float(mode.system.log_diagonal[1][problem.n_crossed - self.n_fixed :].sum())
        return self.objective(problem, mode, log_det)

    def objective(self, problem: Problem, mode: SolvedMode, log_det: float) -> Objective:
        """Return value and gradient, given half the log determinant."""
        half = 0.5 * self.mass
        value = log_det + half * (1.0 + log(mode.square / self.mass)) + self.condensed.log_size
        value += 0.5 * self.condensed.weight * log(2.0 * pi) + self.condensed.lost
        pairs = zip(mode.slopes, problem.order, strict=True)
        theta = {
            f: problem.covariances[f].slope(mode.point.params.theta[f], slope) for slope, f in pairs
        }
        gradient = np.concatenate([theta[f] for f in range(len(theta))])
        return Objective(value, gradient, mode)

    def solved(self, problem: Problem, params: Params) -> ProfileMode | None:
        """Solve the mixed model equations; None where rounding leaves no solution."""
        lambdas = tuple(problem.lambdas(params))
        blocks: Parts[CrossProducts] = Here((self.condensed.products,))
        system = hessian(problem, blocks, lambdas)
        if system is None:
            return None
        sums: Parts[list[Floats]] = Here((self.condensed.sums,))
        right = problem.gather(sums.map(scaled, lambdas=lambdas))
        effects = solve(system, right)
        square = self.condensed.square - right.dot(effects)
        if not square > 0.0:
            return None
        explained = self.times(problem, multiplied(problem, effects, lambdas))
        residuals = problem.gather(sums).plus(explained, -1.0)
        point = Point(params, lambdas, effects, Here(()), 0.0, 3)
        return ProfileMode(point, blocks, system, square=square, residuals=residuals)

    def times(self, problem: Problem, effects: Effects) -> Effects:
        """Return the cross-products times effects b and fixed effects."""
        crossed = problem.cut_crossed(effects.crossed)
        common = {"products": self.condensed.products, "crossed": crossed}
        return problem.gather(problem.shards.map(_shard_times, effects.nested, **common))

    def least_squares(self, problem: Problem) -> tuple[Effects, float]:
        """Return ``C'We`` of a regression without random effects, and the sum of squares left."""
        last = len(problem.order) - 1
        gram, sums = self.condensed.products[last, last][:, :, 0], self.condensed.sums[last][:, 0]
        beta = np.linalg.lstsq(gram, sums, rcond=None)[0]
        effects = problem.zero()
        crossed = np.concatenate([effects.crossed[: problem.n_crossed - self.n_fixed], beta])
        explained = self.times(problem, Effects(effects.nested, crossed))
        left = problem.gather(Here((self.condensed.sums,))).plus(explained, -1.0)
        return left, self.condensed.square - float(sums @ beta)

    def _with_slopes(self, problem: Problem, mode: ProfileMode) -> ProfileMode:
        """Add the derivatives in the covariance factors."""
        pairs = zip(mode.point.lambdas, problem.order, strict=True)
        own = [lambda_ for lambda_, f in pairs if problem.covariances[f].n_params]
        regular = all(len(each) < LARGE and _least_singular(each) > REGULAR for each in own)
        kernels = (self._by_level_sums if regular else self._by_pattern)(problem, mode)
        spent, rate = outer(problem, mode.residuals, mode.u), self.mass / mode.square
        slopes = tuple(k - rate * moved for k, moved in zip(kernels, spent, strict=True))
        return replace(mode, slopes=slopes)

    def _by_level_sums(self, problem: Problem, mode: ProfileMode) -> list[Floats]:
        r"""Derivatives of half the log determinant in factors that have an inverse.

        As :math:`\Lambda^T C^T W C \tilde\Lambda = H - I` for the rows of random effects,
        :math:`K = \Lambda^{-T} \sum (I - H^{-1})`.
        """
        system, crossed = mode.system, mode.system.crossed_inverse
        if not self.integrated:
            crossed = self._without_fixed(crossed)
        sums = [*system.level_sums(crossed), *self._crossed_sums(problem, crossed)]
        triples = zip(mode.point.lambdas, sums, problem.sizes, strict=True)
        return [_solved(lambda_.T, n * np.eye(k) - own) for lambda_, own, (k, n) in triples]

    def _crossed_sums(self, problem: Problem, inverse: Floats) -> Iterator[Floats]:
        """Diagonal blocks of crossed levels, summed over these, (k, k) of each factor."""
        start = 0
        for k, n_levels in problem.sizes[problem.n_nested :]:
            own = slice(start, start + k * n_levels)
            block = inverse[own, own].reshape(k, n_levels, k, n_levels)
            yield np.einsum("albl->ab", block)
            start += k * n_levels

    def _without_fixed(self, inverse: Floats) -> Floats:
        """Inverse of the crossed effects where the fixed ones are known: zeros for these."""
        kept = len(inverse) - self.n_fixed
        share = _solved(inverse[kept:, kept:], inverse[kept:, :kept])
        found = np.zeros_like(inverse)
        own = found[:kept, :kept]
        np.matmul(inverse[:kept, kept:], share, out=own)
        np.subtract(inverse[:kept, :kept], own, out=own)
        return found

    def _by_pattern(self, problem: Problem, mode: ProfileMode) -> list[Floats]:
        """Derivatives of half the log determinant in any factors."""
        shards, inverse = problem.shards, mode.system.inverse()
        blocks = shards.map(inverse_blocks, inverse.pieces, crossed=inverse.crossed)
        sums = mode.cross_products
        if not self.integrated:
            own = slice(problem.n_crossed - self.n_fixed, None)
            fixed = np.linalg.inv(inverse.crossed[own, own])
            blocks = shards.map(fixed_removed, blocks, fixed=fixed)
            sums = sums.map(_without_fixed)
        return list(sums.map(level_kernels, blocks, lambdas=mode.point.lambdas).total())

    def gradient_near(
        self,
        problem: Problem,
        here: Objective,
        change: Floats,
        slopes: Parts[Slopes],
        move: Effects | None = None,
    ) -> Floats | None:
        del slopes, move
        if not np.any(change):
            return here.gradient
        there = self.evaluate(problem, here.mode.point.params.pack() + change)
        return None if there is None else there.gradient

    def third_slopes(self, problem: Problem, here: Objective) -> Parts[Slopes]:
        del problem, here  # each gradient is evaluated anew
        return Here(())

    def tangent(self, problem: Problem, mode: Mode, direction: Floats) -> Effects:
        del mode, direction  # no search begins where it ends
        return problem.zero()

    def information(self, problem: Problem, mode: Mode) -> tuple[Floats, ...]:
        r"""Return the average of the observed and the expected information [1]_.

        With :math:`q_m = \partial_m V P y`, it is :math:`\tfrac12 q_m^T P q_n`.

        References
        ----------
        .. [1] Gilmour, A. R., Thompson, R. & Cullis, B. R. (1995). Average information REML: an
           efficient algorithm for variance parameter estimation in linear mixed models.
           Biometrics, 51(4), 1440-1450.
        """
        assert isinstance(mode, ProfileMode)
        variance, lambdas = mode.square / self.mass, mode.point.lambdas
        turned = [lambda_.T for lambda_ in lambdas]
        moved = list(_moved(problem, mode))
        times = [self.times(problem, each) for each in moved]
        forces = [multiplied(problem, each, turned) for each in times]
        with_scale = np.array([mode.residuals.dot(each) for each in moved]) / variance
        quadratic = products(moved, times)
        quadratic -= products(forces, [solve(mode.system, each) for each in forces])
        found = 0.5 * quadratic / variance
        found -= np.outer(with_scale, with_scale) / (2.0 * self.mass)
        return (found + curvatures(problem, mode.point, mode.slopes),)

    def cluster_gradients(self, problem: Problem, mode: Mode, clusters: Ints) -> NoReturn:
        del problem, mode, clusters
        msg = "cross-products do not tell clusters of rows apart; ask the problem with rows"
        raise NotImplementedError(msg)


def curvatures(problem: Problem, point: Point, slopes: Sequence[Floats]) -> Floats:
    r"""Return what the curvature of the covariances adds to the Hessian, (n_theta, n_theta).

    With the derivative F in :math:`\Sigma = \Lambda \Lambda^T` it is
    :math:`2 \langle F\, d\Lambda_m, d\Lambda_n \rangle`; that in :math:`\Lambda` is
    :math:`2 F \Lambda`.
    """
    found = []
    for f, covariance in enumerate(problem.covariances):
        place = problem.order.index(f)
        lambda_, changes = point.lambdas[place], list(covariance.moves(point.params.theta[f]))
        if not changes:
            continue
        slope = np.zeros_like(lambda_)
        if _least_singular(lambda_) > LEAST:
            slope = dtrtrs(lambda_, slopes[place].T, lower=1, trans=1)[0]
            slope = 0.5 * (slope + slope.T)
        whole = np.array(changes)
        turned = (slope @ whole).reshape(len(whole), -1)
        found.append(whole.reshape(len(whole), -1) @ turned.T)
    return block_diagonal(*found)


def _least_singular(lambda_: Floats) -> float:
    """The smallest singular value; of a large triangular factor a bound below it."""
    if len(lambda_) >= LARGE:
        inverse, info = dtrtri(lambda_, lower=1)
        return 0.0 if info else 1.0 / float(np.linalg.norm(inverse))
    return float(np.linalg.svd(lambda_, compute_uv=False)[-1])


def _moved(problem: Problem, mode: ProfileMode) -> Iterator[Effects]:
    """Yield ``(dLambda Lambda' + Lambda dLambda') Z'We`` of each covariance parameter."""
    residuals = problem.join(mode.residuals)
    nothing = tuple(np.zeros_like(part) for part in residuals)
    for f, covariance in enumerate(problem.covariances):
        place = problem.order.index(f)
        lambda_ = mode.point.lambdas[place]
        for change in covariance.moves(mode.point.params.theta[f]):
            half = change @ lambda_.T
            own = (half + half.T) @ residuals[place]
            yield problem.split((*nothing[:place], own, *nothing[place + 1 :]))


def multiplied(problem: Problem, effects: Effects, lambdas: Lambdas) -> Effects:
    """Return the effects ``lambda_ @ v`` of each level."""
    n = problem.n_nested
    crossed = [
        (lambda_ @ part).ravel()
        for lambda_, part in zip(lambdas[n:], problem.cut_crossed(effects.crossed), strict=True)
    ]
    nested = effects.nested.map(_multiplied_parts, lambdas=lambdas[:n])
    return Effects(nested, np.concatenate([np.zeros(0), *crossed]))


def _multiplied_parts(own: NestedEffects, lambdas: Lambdas) -> NestedEffects:
    return tuple([lambda_ @ part for lambda_, part in zip(lambdas, own, strict=True)])


def _solved(left: Floats, right: Floats) -> Floats:
    found: Floats = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
    return found


def outer(problem: Problem, left: Effects, right: Effects) -> list[Floats]:
    """Return ``left @ right.T`` of each factor, leading one first."""
    found: list[Floats] = []
    if problem.n_nested:
        found.extend(left.nested.map(_outer_parts, right.nested).total())
    pairs = zip(problem.cut_crossed(left.crossed), problem.cut_crossed(right.crossed), strict=True)
    return [*found, *(a @ b.T for a, b in pairs)]


def _outer_parts(left: NestedEffects, right: NestedEffects) -> list[Floats]:
    return [a @ b.T for a, b in zip(left, right, strict=True)]


def _shard_times(
    shard: Shard, own: NestedEffects, products: CrossProducts, crossed: Sequence[Floats]
) -> list[Floats]:
    return times(shard, products, (*own, *crossed))


def _without_fixed(products: CrossProducts) -> CrossProducts:
    """The cross-products of the random effects alone."""
    last = max(g for _, g in products)
    return {key: block for key, block in products.items() if key[1] < last}
