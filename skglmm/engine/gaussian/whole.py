r"""From the profiled likelihood of a linear mixed model to all its parameters.

In :math:`\beta`, :math:`\eta = \log\sigma` and relative :math:`\theta`, minus the log likelihood is
:math:`f = \tfrac12 \log\det H(\theta) + m \eta + \tfrac12 r^2(\beta, \theta) e^{-2\eta}`. Where all
its first derivatives vanish, its Hessian is that of the profiled likelihood, P, and what was
profiled out: with :math:`C = (X^T V^{-1} X)^{-1}` and :math:`B = d\hat\beta / d\theta`

.. math::

    f_{\beta\beta} = C^{-1}, \quad f_{\beta\theta} = -C^{-1} B, \quad f_{\eta\eta} = 2 m, \quad
    f_{\eta\theta} = -\partial r^2 / \sigma^2, \quad
    f_{\theta\theta} = P + f_{\theta\eta} f_{\eta\theta} / 2m + B^T C^{-1} B .

Absolute covariance parameters, those of :math:`\sigma \Lambda`, move with :math:`\eta` as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import e, exp, log

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.gaussian.condensed import CondensedShard
from skglmm.engine.gaussian.linear import LinearModel
from skglmm.engine.gaussian.profiled import ProfileMode, SolvedMode, multiplied, outer
from skglmm.engine.mode.system import solve
from skglmm.engine.problem.problem import Modes, Problem
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.effects import Effects
from skglmm.engine.rows.params import Params
from skglmm.engine.rows.records import Mode, Objective, Point
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import Chain, NestedEffects, block_diagonal
from skglmm.parts import Here

__all__ = ["Maximum"]


@dataclass(frozen=True)
class Maximum:
    """A maximum of the profiled likelihood of a linear mixed model, in all parameters.

    Parameters
    ----------
    model : LinearModel
    here : Objective
        Of the profiled likelihood, at its maximum.
    """

    model: LinearModel
    here: Objective

    @property
    def found(self) -> SolvedMode:
        """The solution of the mixed model equations, as the search has it."""
        assert isinstance(self.here.mode, SolvedMode)
        return self.here.mode

    @cached_property
    def relative(self) -> ProfileMode:
        """The solution of the mixed model equations by level."""
        mode: SolvedMode | None = self.found
        if not isinstance(mode, ProfileMode):
            mode = self.model.likelihood.solved(self.model.profile, self.found.point.params)
        assert isinstance(mode, ProfileMode)  # for it is the same one
        return mode

    @property
    def problem(self) -> Problem:
        """All parameters, without rows."""
        return self.model.shared.plain

    @cached_property
    def log_scale(self) -> float:
        """Logarithm of the residual standard deviation, in the units of the fit."""
        return 0.5 * log(self.found.square / self.model.likelihood.mass)

    @cached_property
    def params(self) -> Params:
        """All parameters, in the units of the fit."""
        beta = [np.zeros(n) for n in self.problem.shape.n_coefficients]
        n_fixed, crossed = self.model.likelihood.n_fixed, self.found.u.crossed
        beta[self.model.location] = crossed[len(crossed) - n_fixed :]
        beta[self.model.scale] = np.array([self.log_scale / self.model.scale_column])
        theta = zip(self.problem.covariances, self.found.point.params.theta, strict=False)
        share = exp(self.log_scale)
        return Params(tuple(beta), tuple(each.scaled(part, share) for each, part in theta))

    @cached_property
    def mode(self) -> Mode:
        """Mode of the spherical random effects."""
        rate, chains = exp(-2.0 * self.log_scale), self.problem.shards.map(_chain_of)
        products = Here((_random_products(self.model.likelihood.condensed, rate),))
        system = self.relative.system.without_last(self._n_fixed, chains)
        return Mode(self._point(self.relative), products, system)

    def _point(self, relative: SolvedMode) -> Point:
        """The parameters and the spherical effects of a solution."""
        crossed = exp(-self.log_scale) * relative.u.crossed[: self.problem.n_crossed]
        nested = relative.u.nested.map(_divided, by=exp(self.log_scale))
        lambdas, effects = tuple(self.problem.lambdas(self.params)), Effects(nested, crossed)
        return Point(self.params, lambdas, effects, Here(()), self.here.value, 3)

    def hessian(self, profiled: Floats) -> Floats:
        """Return the Hessian of the objective in all parameters, (n_params, n_params).

        Of a restricted likelihood, that of the fixed effects is as if all else were known.

        Parameters
        ----------
        profiled : ndarray, shape (n_theta, n_theta)
            That of the profiled likelihood.
        """
        mass, n_fixed = self.model.likelihood.mass, self._n_fixed
        fixed = exp(-2.0 * self.log_scale) * self._fixed_information
        with_scale, moves = self._scale_slopes, np.zeros((n_fixed, len(profiled)))
        if not self.model.likelihood.integrated:
            moves = self._fixed_moves
        both = profiled + np.outer(with_scale, with_scale) / (2.0 * mass) + moves.T @ fixed @ moves
        whole = block_diagonal(fixed, np.array([[2.0 * mass]]), both)
        whole[:n_fixed, n_fixed + 1 :] = -fixed @ moves
        whole[n_fixed + 1 :, :n_fixed] = -moves.T @ fixed
        whole[n_fixed, n_fixed + 1 :] = whole[n_fixed + 1 :, n_fixed] = with_scale
        back = np.linalg.inv(self._turn)
        found = np.empty((len(back), len(back)))
        found[self._places[:, None], self._places] = back.T @ whole @ back
        return found

    def jacobian(self) -> Modes:
        """Return the derivative of the mode in each parameter, (n_params, k, L) for each factor."""
        columns = [self._solved(force) for force in self._forces()]
        found = tuple(np.stack(parts) for parts in zip(*columns, strict=True))
        order = np.argsort(self._places)  # of parameters as the vector has them
        return tuple(part[order] for part in found)

    def _solved(self, force: Effects) -> Modes:
        return self.problem.join(solve(self.mode.system, force))

    def _forces(self) -> Iterator[Effects]:
        """Yield how the gradient of the penalized log density moves with each parameter.

        First the fixed effects, then the scale, then the covariance parameters.
        """
        problem, profile = self.problem, self.model.profile
        lambdas, u, rate = self.mode.point.lambdas, self.mode.u, exp(-2.0 * self.log_scale)
        turned = [-rate * lambda_.T for lambda_ in lambdas]
        nothing = profile.zero()
        for unit in np.eye(len(nothing.crossed))[problem.n_crossed :]:
            products = self.model.likelihood.times(profile, Effects(nothing.nested, unit))
            yield multiplied(problem, self._random(products), turned)
        size = -2.0 * self.model.scale_column
        yield multiplied(problem, u, [size * np.eye(k) for k, _ in problem.sizes])
        residuals = problem.join(self._random(self.relative.residuals))
        effects = problem.join(u)
        zeros = tuple(np.zeros_like(part) for part in effects)
        for f, covariance in enumerate(problem.covariances):
            place = problem.order.index(f)
            before, after = zeros[:place], zeros[place + 1 :]
            for change in covariance.moves(self.params.theta[f]):
                moved = problem.split((*before, change @ effects[place], *after))
                pulled = problem.split((*before, rate * change.T @ residuals[place], *after))
                lifted = Effects(moved.nested, np.append(moved.crossed, np.zeros(self._n_fixed)))
                products = self._random(self.model.likelihood.times(profile, lifted))
                yield pulled.plus(multiplied(problem, products, turned))

    def _random(self, effects: Effects) -> Effects:
        """Random effects without the fixed ones, which come last."""
        return Effects(effects.nested, effects.crossed[: self.problem.n_crossed])

    @property
    def _n_fixed(self) -> int:
        return self.model.likelihood.n_fixed

    @property
    def _fixed_information(self) -> Floats:
        """Information about the fixed effects in units of the residual variance, (p, p)."""
        crossed = self.relative.system.crossed_inverse
        own = slice(len(crossed) - self._n_fixed, None)
        return np.asarray(np.linalg.inv(crossed[own, own]))

    def _spent(self) -> list[Floats]:
        """Products of residuals and effects, (k, k) of each factor, leading one first."""
        return outer(self.model.profile, self.relative.residuals, self.relative.u)

    @cached_property
    def _scale_slopes(self) -> Floats:
        """Second derivatives in the log scale and each relative covariance parameter."""
        params, profile = self.found.point.params, self.model.profile
        rate = 2.0 * exp(-2.0 * self.log_scale)
        found = {
            f: profile.covariances[f].slope(params.theta[f], rate * part)
            for part, f in zip(self._spent(), profile.order, strict=True)
        }
        return np.concatenate([found[f] for f in range(len(found))])

    @cached_property
    def _fixed_moves(self) -> Floats:
        """Derivatives of the fixed effects in the relative covariance parameters, (p, n_theta)."""
        moves = [each.crossed[self.problem.n_crossed :] for each in self._relative_moves()]
        return np.stack(moves, axis=1) if moves else np.zeros((self._n_fixed, 0))

    def _relative_moves(self) -> Iterator[Effects]:
        """Yield the derivative of the solution in each relative covariance parameter."""
        mode, profile = self.relative, self.model.profile
        residuals, effects = profile.join(mode.residuals), profile.join(mode.u)
        zeros = tuple(np.zeros_like(part) for part in effects)
        turned = [-lambda_.T for lambda_ in mode.point.lambdas]
        for f, covariance in enumerate(profile.covariances):
            place = profile.order.index(f)
            before, after = zeros[:place], zeros[place + 1 :]
            for change in covariance.moves(mode.point.params.theta[f]):
                moved = profile.split((*before, change @ effects[place], *after))
                pulled = profile.split((*before, change.T @ residuals[place], *after))
                products = self.model.likelihood.times(profile, moved)
                force = pulled.plus(multiplied(profile, products, turned))
                yield solve(mode.system, force)

    @cached_property
    def _places(self) -> Ints:
        """Where fixed effects, scale and covariance parameters are in the parameter vector."""
        shape = self.problem.shape
        every = np.arange(shape.n_params)
        fixed, scale = shape.beta(self.model.location), shape.beta(self.model.scale)
        return np.concatenate([every[fixed], every[scale], every[shape.n_beta :]])

    @cached_property
    def _turn(self) -> Floats:
        """Derivatives of all parameters in fixed effects, log scale and relative parameters."""
        share = exp(self.log_scale)
        pairs = list(zip(self.problem.covariances, self.params.theta, strict=True))
        ones = [np.ones_like(part) for _, part in pairs]
        sizes = [each.scaled(one, share) for (each, _), one in zip(pairs, ones, strict=True)]
        powers = [np.log(each.scaled(one, e)) for (each, _), one in zip(pairs, ones, strict=True)]
        place, n_params = self._n_fixed, self.problem.shape.n_params
        turn = np.eye(n_params)
        turn[place, place] = 1.0 / self.model.scale_column
        if pairs:
            theta = np.concatenate(self.params.theta)
            turn[place + 1 :, place] = theta * np.concatenate(powers)
            turn[place + 1 :, place + 1 :] = np.diag(np.concatenate(sizes))
        return turn


def _random_products(condensed: CondensedShard, rate: float) -> CrossProducts:
    """Cross-products of the random effects alone, in units of the residual variance."""
    last = len(condensed.sums) - 1
    products = condensed.products.items()
    return {key: rate * block for key, block in products if key[1] < last}


def _chain_of(shard: Shard) -> Chain:
    return shard.chain


def _divided(own: NestedEffects, by: float) -> NestedEffects:
    return tuple([part / by for part in own])
