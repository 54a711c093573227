"""Starting values: a fit without random effects, then moments of the level scores."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from scipy.linalg import lstsq

from skglmm.arrays import Floats
from skglmm.covariance import Covariance
from skglmm.engine import (
    Params,
    Point,
    Problem,
    Shard,
    State,
    evaluate,
    fixed_information,
    fixed_score,
    level_totals,
    observed_cross_products,
    observed_information,
    score_sums,
)
from skglmm.families import Family
from skglmm.fitting.data.highest import highest_row
from skglmm.fitting.search.hessian import is_definite

__all__ = ["first_constants", "first_lowest", "spread", "start", "starts_of"]

STEPS_MAX = 25  # from moments 3 to 6 are usual
DECREASE_TOL = 0.1  # log-likelihood units: a start need not be better
HALVINGS_MAX = 12  # a step shorter than 1/4096 of Newton's makes no headway
ROUGHLY = 0.1  # log-likelihood units that may be left to the mode where starts are compared
ALIKE = 0.01  # log-likelihood units that tell no start from another
SD_MIN, SD_MAX = 0.1, 2.0  # on the scale of a link, for columns of unit spread


def first_constants(
    family: Family, offsets: Sequence[Floats | None], y: Floats, weights: Floats | None
) -> Floats:
    """Return constant linear predictors, (K,), that suit responses, whose sizes may be known."""
    if not family.known:
        return family.start(y, weights)
    (sizes,) = (offsets[k] for k in family.known)
    assert sizes is not None  # which is what known predictors are
    return family.start_within(y, sizes, weights)


def start(problem: Problem, constants: Floats, upper: Floats) -> Floats:
    """Starting parameters, shape (n_params,).

    Parameters
    ----------
    problem : Problem
    constants : ndarray, shape (K,)
        Constant linear predictors to begin with.
    upper : ndarray, shape (n_params,)
        Upper bounds of the parameters.
    """
    beta = [_constant(problem, k, float(value)) for k, value in enumerate(constants)]
    point = _fixed_effects(problem, beta, upper)
    if not problem.order:
        return point.params.pack()
    theta = list(starts_of(problem.covariances, _theta(problem, point)))
    vectors = [Params(point.params.beta, tuple(each)).pack() for each in theta]
    return vectors[0] if len(vectors) == 1 else _best(problem, vectors)


def starts_of(
    covariances: Sequence[Covariance], theta: Sequence[Floats]
) -> Iterator[Sequence[Floats]]:
    """Yield the parameters of all covariances, and others where a search may begin."""
    yield theta
    for f, covariance in enumerate(covariances):
        for other in islice(covariance.starts(theta[f]), 1, None):
            yield [*theta[:f], other, *theta[f + 1 :]]


def _best(problem: Problem, vectors: Sequence[Floats]) -> Floats:
    """Return the parameters at which the objective is lowest, the first if it is nowhere known."""
    found = [problem.evaluate(vector, tol=ROUGHLY) for vector in vectors]
    values = [np.inf if here is None else here.value for here in found]
    return vectors[first_lowest(values)]


def first_lowest(values: Sequence[float]) -> int:
    """Return the place of the first value that is as good as the lowest: starts may be alike."""
    return int(np.argmax(np.asarray(values) <= min(values) + ALIKE))


def _constant(problem: Problem, k: int, value: float) -> Floats:
    """Coefficients whose linear predictor is nearest to a constant, with offsets, over all rows."""
    if not problem.shape.n_coefficients[k]:
        return np.zeros(0)
    gram, target = problem.shards.map(_normal_equations, k=k, value=value).total()
    return np.asarray(lstsq(gram, target)[0])


def _normal_equations(shard: Shard, k: int, value: float) -> tuple[Floats, Floats]:
    one, offset = np.ones(shard.n_rows), shard.offsets[k]
    gram = np.stack([shard.pull(k, column * one) for column in shard.fixed[k].T])
    target = value * shard.pull(k, one)
    return gram, target if offset is None else target - shard.pull(k, offset)


def _at(problem: Problem, beta: list[Floats]) -> Point:
    no_effects = tuple(each.start(np.zeros(each.size)) for each in problem.covariances)
    return evaluate(problem, Params(tuple(beta), no_effects), problem.zero(), 2)


def _fixed_effects(problem: Problem, beta: list[Floats], upper: Floats) -> Point:
    """Fit the model without random effects, roughly."""
    n_coefficients = problem.shape.n_coefficients
    point = _at(problem, beta)
    value, slopes, curvature = _penalized(problem, point)
    for _ in range(STEPS_MAX):
        gradient = fixed_score(problem, point) - slopes
        step = np.asarray(lstsq(_information(problem, point) + curvature, gradient)[0])
        vector = np.concatenate(point.params.beta)
        step = np.minimum(step, upper[: len(step)] - vector)
        if not gradient @ step > 2 * DECREASE_TOL:
            break
        length, moved = 1.0, None
        for _ in range(HALVINGS_MAX):
            ends = np.cumsum(n_coefficients)[:-1]
            trial = _at(problem, np.split(vector + length * step, ends))
            if _penalized(problem, trial)[0] < value and _is_below(problem, trial.params):
                moved = trial
                break
            length /= 2
        if moved is None:
            break
        point, (value, slopes, curvature) = moved, _penalized(problem, moved)
    return point


def _penalized(problem: Problem, point: Point) -> tuple[float, Floats, Floats]:
    """Minus the log density with the priors of fixed effects; slopes and curvature of these."""
    n, vector = problem.shape.n_beta, point.params.pack()
    priors, where = problem.penalty.of_coefficients, (problem.covariances, vector, problem.shape)
    added = priors.at(*where)
    if added is None:
        return np.inf, np.zeros(n), np.zeros((n, n))
    return point.value + added[0], added[1][:n], priors.hessian(*where)[:n, :n]


def _is_below(problem: Problem, params: Params) -> bool:
    """Whether all rows are within the limits, where random effects are within reach as well."""
    return all(
        not limit.is_finite
        or not len(beta)
        or limit.beyond(highest_row(problem, k, limit.sign * beta)[k] @ beta) <= 0.0
        for k, (limit, beta) in enumerate(zip(problem.family.limits, params.beta, strict=True))
    )


def _information(problem: Problem, point: Point) -> Floats:
    """Observed information about the fixed effects, or the expected one, which is definite."""
    observed = observed_information(problem, point)
    if is_definite(observed):
        return observed
    return fixed_information(
        problem, problem.shards.map(_expected, point.states, family=problem.family)
    )


def _theta(problem: Problem, point: Point) -> tuple[Floats, ...]:
    """Standard deviations by the method of moments, without correlations.

    The score of a level at b = 0 has the variance G + G Sigma G, G its information.
    """
    scores, nothing = score_sums(problem, point), [()] * len(problem.order)
    cross_products = observed_cross_products(problem, point)
    sums = level_totals(problem, cross_products, spread, nothing, scores)
    theta: dict[int, Floats] = {}
    for (excess, squares), f in zip(sums, problem.order, strict=True):
        sds = np.sqrt(np.clip(excess / np.maximum(squares, 1e-300), SD_MIN**2, SD_MAX**2))
        theta[f] = problem.covariances[f].start(sds)
    return tuple(theta[f] for f in range(len(theta)))


def _expected(shard: Shard, state: State, family: Family) -> Floats:
    return shard.expected_hess(family, state.eta)


def spread(weight: Floats, score: Floats) -> tuple[Floats, Floats]:
    """Excess of squared scores over their information, and the square of that; (k,) each."""
    own = weight if weight.ndim == 2 else np.einsum("aal->al", weight)  # one-hot: a diagonal
    return (score**2 - own).sum(axis=1), (own**2).sum(axis=1)
