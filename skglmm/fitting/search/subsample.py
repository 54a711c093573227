"""Warm start of the optimizer: with many rows, at the estimates from a subsample.

A fit to an eighth of the shards costs an eighth, and its estimates are off by a few standard errors
only, with a Hessian that is right but for the number of rows: all rows need a few iterations then.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Effects, Params, Problem
from skglmm.exceptions import DesignError
from skglmm.fitting.search.hessian import differenced_hessian, is_definite
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.optimize import MODE_MAX, Optimum, Options, minimize
from skglmm.fitting.search.start import start

__all__ = ["Pilot", "ahead", "begin", "begin_at", "off_boundary", "with_spread"]

SHARDS_MIN = 4  # with fewer, all rows are seen from the start
SHARE = 8  # one shard of so many goes ahead
# Cubed crossed effects for each row: with more, the time of a step is that of their matrix, which
# has the same size for rows that go ahead.
CUBED_MAX = 5_000
DECREASE_TOL = 1e-2  # log-likelihood units of the rows ahead
LARGEST = 10.0  # estimates on standardized columns: more is separation in the rows ahead
SHARES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.001)  # of standard deviations, until there is a mode
OFF_BOUNDARY = 0.1  # standard deviations of zero begin here: at zero their gradient is zero


@dataclass(frozen=True)
class Pilot:
    """Estimates from a subsample of the rows, their Hessian and its scale, and modes."""

    vector: Floats
    hessian: Floats
    information: Floats  # (n_params,), the diagonal
    crossed: Floats  # (n_crossed,), modes of the factors that all shards share

    def hessian_of_all(self, information: Floats) -> Floats:
        """Return the Hessian that all rows are likely to have, given their information.

        It grows with the rows, or with the levels, or not at all where all levels of a crossed
        factor have been seen.
        """
        growth = np.sqrt(information / self.information)
        return np.asarray(self.hessian * growth * growth[:, None])


def begin(problem: Problem, constants: Floats, upper: Floats, pilot: Pilot | None) -> Optimum:
    """Return starting values, with the objective and a Hessian there.

    Parameters
    ----------
    problem : Problem
    constants : ndarray, shape (K,)
        Constant linear predictors that suit the responses.
    upper : ndarray, shape (n_params,)
        Upper bounds of the parameters.
    pilot : Pilot or None
        What `ahead` found.

    Raises
    ------
    DesignError
        If the likelihood is not finite at the starting values.
    """
    if pilot is not None:
        guess = Effects(problem.zero().nested, pilot.crossed)
        here = problem.evaluate(pilot.vector, guess, MODE_MAX, "far")
        if here is not None:
            information = np.diag(first_hessian(problem, here))
            return Optimum(pilot.vector, here, pilot.hessian_of_all(information), upper)
    return begin_at(problem, start(problem, constants, upper), upper)


def begin_at(problem: Problem, vector: Floats, upper: Floats) -> Optimum:
    """Return the state at given parameters; raises as `begin`.

    With rows of large weights the mode of effects that may be large can be out of reach of Newton's
    steps from 0, so that smaller standard deviations are tried in turn.
    """
    params = Params.unpack(vector, problem.shape)
    for share in SHARES if problem.order else SHARES[:1]:
        pairs = zip(problem.covariances, params.theta, strict=True)
        theta = tuple(covariance.scaled(part, share) for covariance, part in pairs)
        vector = Params(params.beta, theta).pack()
        here = problem.evaluate(vector, tol=MODE_MAX)
        if here is not None:
            return Optimum(vector, here, first_hessian(problem, here), upper)
    msg = (
        "the likelihood is not finite at the starting values: some linear predictor is beyond "
        "the reach of its link; check the scale of the offset and of the columns"
    )
    raise DesignError(msg)


def with_spread(problem: Problem, vector: Floats, sd: float) -> Floats:
    """Return parameters with one standard deviation for all effects, which are independent."""
    theta = tuple(c.start(np.full(c.size, sd)) for c in problem.covariances)
    return Params(Params.unpack(vector, problem.shape).beta, theta).pack()


def off_boundary(problem: Problem, vector: Floats) -> Floats:
    """Return parameters off the boundary: at a variance of zero an optimizer would stay."""
    params = Params.unpack(vector, problem.shape)
    pairs = zip(problem.covariances, params.theta, strict=True)
    return Params(
        params.beta, tuple(each.off_boundary(part, OFF_BOUNDARY) for each, part in pairs)
    ).pack()


def ahead(problem: Problem, constants: Floats, upper: Floats, options: Options) -> Pilot | None:
    """Fit a subsample of the shards; None where that does not pay, or is not reliable.

    Parameters
    ----------
    problem : Problem
    constants : ndarray, shape (K,)
        Constant linear predictors that suit the responses.
    upper : ndarray, shape (n_params,)
        Upper bounds of the parameters.
    options : Options
        When the optimizer stops.
    """
    if not _pays(problem):
        return None
    some = problem.some(range(0, len(problem.shards), SHARE))
    try:
        first = begin(some, constants, upper, ahead(some, constants, upper, options))
    except DesignError:
        return None
    quiet = Options(DECREASE_TOL, options.max_iter)
    found = minimize(some, first, quiet)
    near = np.abs(found.vector) < LARGEST
    if not found.is_within(DECREASE_TOL) or not np.all(near | (found.vector >= upper)):
        return None
    vector = off_boundary(problem, found.vector)
    if not np.array_equal(vector, found.vector) or np.any(found.capped):
        return None
    hessian = differenced_hessian(some, found, np.ones(len(vector), dtype=np.bool_), exact=False)
    if hessian is None or not is_definite(hessian):
        return None
    information = np.diag(first_hessian(some, found.here))
    return Pilot(vector, hessian, information, found.here.mode.u.crossed)


def _pays(problem: Problem) -> bool:
    """Whether rows are many, and what takes most of the time."""
    if len(problem.shards) < SHARDS_MIN or not problem.order:
        return False
    return problem.plan is not None or problem.n_crossed**3 <= CUBED_MAX * problem.n_rows
