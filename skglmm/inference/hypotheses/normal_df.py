r"""Degrees of freedom of the fitted values of a normal response, whose variances are estimated.

They are :math:`\sum_i \partial \hat y_i / \partial y_i`, by which the squared error of new
responses exceeds that of the old ones. Given the parameters :math:`\psi` of variances it is the
trace of the matrix that turns y into :math:`\hat y`; that these follow the responses adds

.. math:: \sum_i \frac{\partial \hat y_i}{\partial \psi^T} V
          \Bigl(-\frac{\partial s_i}{\partial \psi}\Bigr)

with the covariance V of :math:`\hat\psi`, an inverse Hessian, and the scores
:math:`s = R^{-1} (y - \hat y)`, R the variances of the noise: with the covariance S of the
responses, and P its inverse less what fixed effects explain, s is P y, and both derivatives are
those of :math:`\hat y = y - R P y` [1]_. Variances at zero count as known to be zero.

References
----------
.. [1] Greven, S. & Kneib, T. (2010). On the behaviour of marginal and conditional AIC in linear
   mixed models. Biometrika, 97(4), 773-789.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import Mode, Problem, sharpened
from skglmm.fitting import Fit, Study, local

__all__ = ["NormalDf", "is_straight", "normal_df"]

STEP = 1e-4  # units of a link: differences are exact to about 1e-8


class NormalDf(NamedTuple):
    """What fitted values follow of the responses."""

    given_variances: float
    of_variances: float


def is_straight(fit: Fit) -> bool:
    """Return whether fitted values are linear in a normal response, but for its variances.

    Parameters
    ----------
    fit : Fit
    """
    family = fit.family
    fed = {k for factor in fit.layout.factors for k in factor.predictors}
    return family.is_normal and fed <= {family.location}


def normal_df(study: Study, fit: Fit) -> NormalDf | None:
    """Return the degrees of freedom of the fitted values, None where the fit has no curvature.

    Parameters
    ----------
    study : Study
        Rows of `fit`.
    fit : Fit
        Of a normal response, see `is_straight`.
    """
    study = study.like(fit)
    here = study.problem.evaluate(study.vector(fit))
    around = None if here is None else local(study, fit, here)
    location = fit.family.location
    approximation = replace(fit.approximation, integrated=(location,))
    bound = study.around(replace(fit, approximation=approximation))
    rest = np.ones(study.problem.shape.n_params, dtype=np.bool_)
    rest[study.problem.shape.beta(location)] = False
    psi = study.vector(fit)[rest]
    there = bound.problem.evaluate(psi)
    if around is None or there is None:
        return None
    covariance, added = around.covariance[np.ix_(rest, rest)], 0.0
    if len(psi):
        moves = [_moves(bound.problem, psi, location, unit) for unit in STEP * np.eye(len(psi))]
        fitted, scores = (np.array(part) for part in zip(*moves, strict=True))
        added = -float(np.sum(covariance * (fitted @ scores.T)))
    return NormalDf(_trace(bound.problem, there.mode), added + 0.0)  # no sign of zero


def _trace(problem: Problem, mode: Mode) -> float:
    """Trace of the matrix that turns responses into fitted values."""
    n_flat = len(problem.flat)
    inverse = sharpened(mode.system).inverse()
    random = np.arange(problem.n_crossed - n_flat)
    left = float(inverse.crossed[random, random].sum())
    left += sum(float(np.einsum("aal->", own)) for piece in inverse.pieces for own in piece.own)
    n_effects = sum(k * n for k, n in problem.sizes)
    return n_effects - left


def _moves(problem: Problem, psi: Floats, location: int, step: Floats) -> tuple[Floats, Floats]:
    """Derivatives of the fitted values and of the scores along a parameter, (n,) each."""
    here, there = (_rows(problem, psi + sign * step, location) for sign in (1.0, -1.0))
    width = 2.0 * float(step.sum())
    return (here[0] - there[0]) / width, (here[1] - there[1]) / width


def _rows(problem: Problem, psi: Floats, location: int) -> tuple[Floats, Floats]:
    """Linear predictors of the location and their scores, (n,) each."""
    found = problem.evaluate(psi)
    assert found is not None  # next to where it is finite
    states = list(found.mode.point.states)
    scores = [state.rows.grad[location] for state in states]
    pairs = zip(states, scores, strict=True)
    etas = [np.broadcast_to(state.eta[location], score.shape) for state, score in pairs]
    return np.concatenate(etas), np.concatenate(scores)
