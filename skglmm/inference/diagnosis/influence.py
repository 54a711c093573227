r"""Influence of levels: the estimates without the rows of one, by a Newton step, without a refit.

With g the gradient of the objective of the other rows at the estimates, exact, H the Hessian of all
rows and h the share of the level in them, the step is :math:`-((1 - h) H)^{-1} g`, and Cook's
distance is its length in the metric of H, squared, per parameter [1]_. The level's own Hessian
would promise more and keeps less: where levels are few, a step with it overshoots.

References
----------
.. [1] Cook, R. D. (1986). Assessment of local influence. Journal of the Royal Statistical Society,
   Series B, 48(2), 133-169.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.engine import Mode, Params, Problem, bind, fixed_score, solver_of
from skglmm.fitting import Fit, Local, Study
from skglmm.inference.parameters.natural import natural
from skglmm.inference.uncertainty.sandwich import fixed_scores, shared_levels

__all__ = ["Influence", "influences", "natural_without"]

LEVELS = 20  # of a factor whose levels hang together, those with the largest scores
ROWS = 2_000_000  # rows that may be evaluated for such a factor


@dataclass(frozen=True)
class Influence:
    """How far the estimates move without one level.

    Parameters
    ----------
    group, level : str
        Names of the factor and of the level.
    distance : float
        Cook's distance; 1 is far.
    shift : ndarray, shape (n_params,)
        Changes of the estimates, in their standard errors; 0 for what lies on a boundary.
    vector : ndarray, shape (n_params,)
        The estimates without the level, on the standardized columns.
    """

    group: str
    level: str
    distance: float
    shift: Floats
    vector: Floats


def influences(
    study: Study, mode: Mode, around: Local, most: int | None = LEVELS
) -> Iterator[Influence]:
    """Yield the influence of levels, of each factor.

    Of factors whose levels share other random effects, only levels with the largest scores; and
    of all where fixed effects are integrated out, as all levels share these.

    Parameters
    ----------
    study : Study
    mode : Mode
        Of the study at the estimates.
    around : Local
    most : int or None
        How many levels of such a factor; None is all.
    """
    design, inverse = study.design, around.covariance
    variances = np.diag(inverse)
    errors = study.signs * np.sqrt(np.where(variances > 0.0, variances, np.inf))
    for f, (factor, codes) in enumerate(zip(design.layout.factors, design.codes, strict=True)):
        shares = np.bincount(codes, minlength=factor.n_levels) / len(codes)
        for level, gradient in _gradients(study, mode, around, f, most):
            share = max(float(shares[level]), 1.0 / factor.n_levels)
            shift = -inverse @ gradient / (1.0 - share)
            distance = float(shift @ around.hessian @ shift) / max(1, int(around.informed.sum()))
            label, moved = str(factor.labels[level]), around.vector + shift
            yield Influence(factor.name, label, distance, shift / errors, moved)


def natural_without(fit: Fit, study: Study, found: Influence) -> Floats:
    """Return all parameters on their natural scales without a level, by the step that was taken.

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    found : Influence
    """
    params = Params.unpack(found.vector, study.problem.shape)
    beta = study.scales.coefficients(params.beta)
    return np.array([each.value for each in natural(replace(fit, beta=beta, theta=params.theta))])


def _gradients(
    study: Study, mode: Mode, around: Local, f: int, most: int | None
) -> Iterator[tuple[int, Floats]]:
    """Yield levels of a factor with the gradient of the objective of all other rows."""
    design = study.design
    factor, codes = design.layout.factors[f], design.codes[f]
    if factor.n_levels < 2:
        return
    if not (study.problem.approximation.integrated or shared_levels(design, codes)):
        gradients = study.problem.cluster_gradients(mode, codes)
        yield from enumerate(around.gradient - gradients)
        return
    response = study.response
    largest = _largest(study, mode, around, f, most) if most else np.arange(factor.n_levels)
    for level in largest:
        rows = np.flatnonzero(codes != level)
        weights = None if study.weights is None else study.weights[rows]
        rest = (design.take(rows), response[rows], weights, study.problem.family)
        before = study.problem
        whole, solver = before.approximation.needs_chain, solver_of(before.plan)
        problem = bind(*rest, whole=whole, solver=solver).alike(before, design.layout)
        found = _gradient(replace(problem, plan=before.plan), around)
        if found is not None:
            yield int(level), found


def _gradient(problem: Problem, around: Local) -> Floats | None:
    """Gradient of the objective: in fixed effects that are integrated out given all else."""
    vector, searched = around.vector, problem.searched
    here = problem.evaluate(vector)
    if here is None or searched.all():
        return None if here is None else here.gradient
    without = problem.restricted(Params.unpack(vector, problem.shape).beta)
    there = without.evaluate(vector[searched])
    if there is None:
        return None
    given = -fixed_score(problem, here.mode.point)[~searched[: problem.shape.n_beta]]
    # that of a search, where these effects follow, less what their own gradient adds on the way
    information = around.hessian[np.ix_(~searched, ~searched)]
    crossed = around.hessian[np.ix_(searched, ~searched)]
    gradient = np.empty(len(vector))
    gradient[~searched] = given
    gradient[searched] = there.gradient + crossed @ np.linalg.solve(information, given)
    return gradient


def _largest(study: Study, mode: Mode, around: Local, f: int, most: int) -> Ints:
    """Levels with the largest conditional scores, and with the largest effects."""
    count = int(np.clip(ROWS / len(study.y), 2, most))
    if study.design.layout.factors[f].n_levels <= count:
        return np.arange(study.design.layout.factors[f].n_levels)
    scores = fixed_scores(study, mode, study.design.codes[f])
    variance = around.covariance[: len(scores), : len(scores)]
    lengths = np.einsum("pl,pq,ql->l", scores, variance, scores)
    u = study.problem.join(mode.point.u)[study.problem.order.index(f)]
    sizes = np.sum(u**2, axis=0)
    half = count // 2
    return np.unique(np.concatenate([np.argsort(-lengths)[:half], np.argsort(-sizes)[:half]]))
