r"""A system of random effects that is solved by iterations, with an estimated log determinant.

The nested effects are eliminated exactly, a coarse space Q of the crossed ones as well, see
`Deflated`. What is left is close to the identity; of its log determinant the trace is known, and
only what is of the second order is estimated by fixed probes z of random signs [1]_:

.. math::

    \log\det T = -\mathrm{tr}(P - T)
        + \frac1m \sum_k z_k^T (\log T + P - T) z_k .

References
----------
.. [1] Ubaru, S., Chen, J. & Saad, Y. (2017). Fast estimation of tr(f(A)) via stochastic Lanczos
   quadrature. SIAM Journal on Matrix Analysis and Applications, 38(4), 1075-1099.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NoReturn

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine.iterative.cut import pieces_of
from skglmm.engine.iterative.draws import colored
from skglmm.engine.iterative.gradients import Run, log_remainders, solved
from skglmm.engine.iterative.plan import ProbePlan
from skglmm.engine.iterative.reduced import Couplings, Reduced, reduced
from skglmm.engine.iterative.refinement import refined
from skglmm.engine.iterative.sketch import CrossedInverse
from skglmm.engine.iterative.space import Deflated, deflated, first_space, outer_space
from skglmm.engine.prior import Corner
from skglmm.engine.rows.covariances import CrossProducts
from skglmm.engine.rows.shard import Shard
from skglmm.linalg import (
    Blocks,
    Chain,
    Elimination,
    Inverse,
    LinearSystem,
    NestedEffects,
    Posterior,
)
from skglmm.parts import Parts

__all__ = ["IterativeSystem", "iterative_system", "settled", "sharpened"]

SOLVE_TOL = 1e-10  # relative residual: steps of 1e-6 standard errors are differenced
PROBE_TOL = 1e-6  # the quadrature is off by less than its square
TARGET = 0.05  # standard error of a log likelihood: slopes are known to 2e-3 standard errors
RANK_MAX, RANK_NUMBERS = 512, 2_000_000  # directions, and the numbers that these may be
RANK_USUAL = 64
PROBES_MAX = 128


@dataclass(frozen=True)
class IterativeSystem(LinearSystem):
    """A system whose crossed effects are solved for by conjugate gradients.

    Parameters
    ----------
    shards : Parts of Shard
    pieces : Parts of Elimination
    reduced : Reduced
    plan : ProbePlan
    """

    shards: Parts[Shard]
    pieces: Parts[Elimination]
    reduced: Reduced
    plan: ProbePlan

    @cached_property
    def _first(self) -> Deflated:
        """For solutions: with a space that costs next to nothing."""
        return deflated(self.reduced, first_space(self.reduced))

    @cached_property
    def _outer(self) -> Deflated:
        """For the log determinant, with the space of the plan."""
        space = self.plan.space
        return self._first if space is None else deflated(self.reduced, space)

    @cached_property
    def _run(self) -> Run:
        return solved(self._outer, self._outer.projected(self._signs), PROBE_TOL)

    @property
    def _signs(self) -> Floats:
        return self.plan.probes(self.reduced.n_crossed)

    @cached_property
    def _remainders(self) -> Floats:
        return log_remainders(self._run) + self.plan.refinement.shifts

    @cached_property
    def half_logdet(self) -> float:
        known = self._outer.log_det - self._outer.trace
        nested: float = self.pieces.map(_half_logdet).total()
        whole = known + float(np.mean(self._remainders))
        return float(nested + self.reduced.log_diagonal.sum() + 0.5 * whole)

    @property
    def uncertainty(self) -> float:
        chance = np.var(self._remainders, ddof=1) / self.plan.n_probes
        return 0.5 * float(np.sqrt(chance + self.plan.refinement.variance))

    @property
    def log_diagonal(self) -> tuple[Parts[NestedEffects], Floats]:
        """Logarithm of the roots of the effects' precisions, given all other crossed ones.

        They do not add up to `half_logdet`.
        """
        return self.pieces.map(_log_diagonal), self.reduced.log_diagonal

    def solve(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Solve for right-hand sides.

        Raises IndefiniteError where H turns out not to be positive definite.
        """
        white = self.pieces.map(Elimination.forward, nested)
        left = crossed - self.pieces.map(Elimination.project, white).total()
        found = self._solved(left[:, None])[:, 0]
        return self.pieces.map(Elimination.backward, white, crossed=found), found

    def _solved(self, right: Floats) -> Floats:
        """``inv(S)`` times (q, m)."""
        operator = self.__dict__.get("_outer", self._first)  # once it is there it is better
        scaled = self.reduced.scaled(right)
        inside = operator.space @ operator.inverse_times(operator.space.T @ scaled)
        squares = np.einsum("ij,ij->j", scaled, scaled)
        run = solved(operator, operator.dropped(scaled), SOLVE_TOL, squares)
        return self.reduced.unscaled(inside + operator.lifted(run.solution))

    def inverse(self) -> Inverse:
        """Return the inverse on the observed pattern: the derivative of `half_logdet`."""
        pieces = self.shards.map(
            _inverse, self.pieces, self.reduced.couplings, crossed=self._crossed
        )
        return Inverse(pieces, self._crossed)

    @cached_property
    def _crossed(self) -> CrossedInverse:
        reduced, (left, right, image) = self.reduced, self._sketch()
        parts = [pieces_of(reduced.sizes, x) for x in (right, image)]
        blocks = []
        for root, v, av in zip(reduced.inverse_roots, *parts, strict=True):
            excess = np.einsum("alm,blm->abl", av, v)
            middle = np.eye(len(root))[:, :, None] - 0.5 * (excess + np.swapaxes(excess, 0, 1))
            blocks.append(np.einsum("bal,bcl,cdl->adl", root, middle, root))
        ends = (reduced.unscaled(x) for x in (left, right))
        return CrossedInverse(reduced.sizes, blocks, *ends)

    def _sketch(self) -> tuple[Floats, Floats, Floats]:
        """Columns U and V, and ``A U``, with ``inv(A) - I = U V'``: exactly, and by probes.

        What probes say is made symmetric, which brings the derivative much closer to that of the
        value.
        """
        operator, run = self._outer, self._run
        signs = operator.projected(self._signs)
        one, other = operator.lifted(run.solution - signs), operator.lifted(signs)
        share = (2 * signs.shape[1]) ** -0.5
        left, right = [share * one, share * other], [share * other, share * one]
        image = [share * (signs - run.first), share * run.first]
        if operator.rank:
            unit = np.eye(operator.rank)
            far = operator.inverse_times(operator.across.T).T
            near = operator.inverse_times(unit) - unit + far.T @ far
            far_image = self.reduced.times(far)
            left += [operator.space @ near - far, -operator.space]
            right += [operator.space, far]
            image += [operator.image @ near - far_image, -operator.image]
        return np.hstack(left), np.hstack(right), np.hstack(image)

    def posterior(
        self, levels: Parts[tuple[Ints, ...]], sizes: Sequence[tuple[int, int]]
    ) -> Posterior:
        """Return what is needed of the inverse between any two levels."""
        return Posterior.of(self.inverse(), self.pieces, levels, sizes, self._crossed)

    def corner(self, n: int) -> Floats:
        """Return the inverse's block of the last crossed effects, by solutions."""
        n_crossed = self.reduced.n_crossed
        found = self._solved(np.eye(n_crossed, n, n - n_crossed))[n_crossed - n :]
        return 0.5 * (found + found.T)

    @property
    def crossed_inverse(self) -> Floats:
        _refuse("the whole inverse of the crossed effects")

    def let_go(self) -> None:
        """Let go of what was eliminated, and of solutions: value and error are known."""
        self.pieces.let_go()
        self.reduced.couplings.let_go()
        for name in ("_first", "_outer", "_run", "_crossed"):
            self.__dict__.pop(name, None)

    def draw(
        self, nested: Parts[NestedEffects], crossed: Floats
    ) -> tuple[Parts[NestedEffects], Floats]:
        """Give independent standard normal numbers the covariance ``inv(H)``, see `colored`.

        Raises IndefiniteError where H turns out not to be positive definite.
        """
        found = self.reduced.unscaled(colored(self._outer, crossed)[:, None])[:, 0]
        return self.pieces.map(Elimination.backward, nested, crossed=found), found

    def level_sums(self, crossed: Floats) -> list[Floats]:
        del crossed
        _refuse("sums of conditional covariances")

    def without_last(self, n: int, chains: Parts[Chain]) -> LinearSystem:
        del n, chains
        _refuse("a system without some of its effects")


def iterative_system(
    shards: Parts[Shard],
    pieces: Parts[Elimination],
    cross_products: Parts[CrossProducts],
    lambdas: Sequence[Floats],
    known: Corner,
    plan: ProbePlan,
) -> IterativeSystem | None:
    """Return the system; None where a block of the reduced one is not positive definite.

    Parameters
    ----------
    shards : Parts of Shard
    pieces : Parts of Elimination
    cross_products : Parts of mapping
    lambdas : sequence of ndarray
        Factors of the covariances, leading one first.
    known : Corner
        What the prior adds.
    plan : ProbePlan
    """
    left = reduced(shards, pieces, cross_products, lambdas, known)
    return None if left is None else IterativeSystem(shards, pieces, left, plan)


def _refuse(what: str) -> NoReturn:
    msg = f"{what} would have to be exact, and the random effects are solved by iterations"
    raise NotImplementedError(msg)


def settled(system: LinearSystem) -> ProbePlan:
    """Return a plan for systems near this one whose log determinants are known well enough."""
    assert isinstance(system, IterativeSystem)
    system = replace(system, plan=_spaced(system))
    parts = (system._outer, system._run, system._remainders, system.plan)
    return replace(system.plan, refinement=refined(*parts, PROBE_TOL))


def sharpened(system: LinearSystem) -> LinearSystem:
    """Return a system with a space and probes of its own; one that is exact as it is."""
    if not isinstance(system, IterativeSystem):
        return system
    return replace(system, plan=_spaced(system))


def _spaced(system: IterativeSystem, target: float = TARGET) -> ProbePlan:
    """A plan whose probes say enough of the slopes.

    That of the value alone is made smaller by `refined`, once. More directions as long as the last
    one matters more than chance, then more probes.
    """
    plan, reduced = system.plan, system.reduced
    n_crossed = reduced.n_crossed
    most = min(max(RANK_USUAL, min(RANK_MAX, RANK_NUMBERS // n_crossed)), n_crossed // 2)
    while True:
        space = outer_space(reduced, plan.rank, plan.seed, plan.space)
        plan = replace(plan, space=space)
        found = replace(system, plan=plan)
        while (
            found.uncertainty > target
            and (plan.rank >= most or not _has_more(found))
            and plan.n_probes < PROBES_MAX
        ):
            plan = replace(plan, n_probes=2 * plan.n_probes)
            found = replace(system, plan=plan)
        if found.uncertainty <= target or plan.rank >= most:
            return plan
        plan = replace(plan, rank=min(2 * plan.rank, most))


def _has_more(system: IterativeSystem) -> bool:
    """Whether a direction that was chosen last explains much of what the probes still vary by."""
    space = system.plan.space
    assert space is not None
    values = np.linalg.eigvalsh(system._outer.block[-system.plan.rank :, -system.plan.rank :])
    least = np.min(np.abs(np.log(values) + 1.0 - values))
    return bool(2.0 * system.plan.rank * least**2 > 0.5 * np.var(system._remainders, ddof=1))


def _inverse(
    shard: Shard, piece: Elimination, couplings: Couplings, crossed: CrossedInverse
) -> Blocks:
    found = piece.inverse_by(crossed.products(shard, piece, couplings))
    # Of an estimate it is symmetric on average only.
    own = [0.5 * (each + np.swapaxes(each, 0, 1)) if len(each) > 1 else each for each in found.own]
    return found._replace(own=own)


def _half_logdet(piece: Elimination) -> float:
    return piece.half_logdet


def _log_diagonal(piece: Elimination) -> NestedEffects:
    return piece.log_diagonal
