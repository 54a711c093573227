"""Variances of zero and correlations of one: found, made exact, named."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance import Edge
from skglmm.design import Factor
from skglmm.engine import Params, Problem
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.optimize import Optimum, Options, minimize

__all__ = ["free_parameters", "leave_saddle", "rectified", "singular_terms", "spreads", "zeros"]

OFF_ZERO = 1e-3  # what was on the boundary begins here again: there its gradient is zero
SMALL = 1e-2  # parameters closer to the boundary than this are tried on it
ABSENT = 1e-7  # and closer than this they lie on it: no data at the cap of a precision could tell


def leave_saddle(problem: Problem, optimum: Optimum, options: Options) -> Optimum:
    """Leave the saddle that lies where the first effect of a term hardly varies.

    There the optimizer may stop, whatever lies beyond, as `Covariance.turned` knows. Begin again
    with all that can be there, and keep the better end.
    """
    vector = _rotated(problem, optimum.vector)
    here = None if vector is None else problem.evaluate(vector)
    if vector is None or here is None:
        return optimum
    again = replace(
        optimum, vector=vector, here=here, hessian=first_hessian(problem, here), is_stalled=False
    )
    found = minimize(problem, again, options)
    if found.here.value < optimum.here.value - options.tol:
        return found
    return replace(optimum, n_evaluations=found.n_evaluations)


def _rotated(problem: Problem, vector: Floats) -> Floats | None:
    """Parameters off the saddles beside small variances; None where there are none."""
    params = Params.unpack(vector, problem.shape)
    pairs = list(zip(problem.covariances, params.theta, strict=True))
    found = [covariance.turned(part, SMALL, OFF_ZERO) for covariance, part in pairs]
    if all(part is None for part in found):
        return None
    both = zip(found, params.theta, strict=True)
    theta = tuple(before if part is None else part for part, before in both)
    return Params(params.beta, theta).pack()


def rectified(problem: Problem, optimum: Optimum, tol: float) -> Optimum:
    """Flip negative diagonals; go to the boundary beside where that costs no more than `tol`.

    What lies on it is tried first, and then with all that vanishes there: an effect that does not
    vary.
    """
    optimum = _flipped(problem, optimum)
    edges = list(_edges(problem, optimum.vector))
    near = [edge for edge in edges if 0 < edge.distances[0] < SMALL]
    for edge in sorted(near, key=lambda edge: float(edge.distances[0])):
        optimum = _without(problem, optimum, edge, 1, tol)
    for place in range(len(edges)):
        edge = list(_edges(problem, optimum.vector))[place]
        if 0.0 < edge.distances.max() < SMALL:
            optimum = _without(problem, optimum, edge, len(edge.places), tol)
    for places, values in _alone(problem, optimum.vector):
        if 0.0 < np.abs(values).max() < SMALL:
            edge = Edge(places, np.zeros(len(places)), np.abs(optimum.vector[places]))
            optimum = _without(problem, optimum, edge, len(places), tol)
    return optimum


def _alone(problem: Problem, vector: Floats) -> Iterator[tuple[Ints, Floats]]:
    """Parameters of effects that may vanish only with all correlations, as these have priors."""
    return problem.penalty.uncorrelated(problem.covariances, vector, problem.shape)


def _without(problem: Problem, optimum: Optimum, edge: Edge, n: int, tol: float) -> Optimum:
    """Put the first n parameters of an edge onto it if that costs no more than `tol`."""
    trial = optimum.vector.copy()
    trial[edge.places[:n]] = edge.values[:n]
    there = problem.evaluate(trial, optimum.here.mode.u)
    optimum = replace(optimum, n_evaluations=optimum.n_evaluations + 1)
    absent = np.all(edge.distances[:n] < ABSENT)
    if there is not None and (absent or there.value <= optimum.here.value + tol):
        return replace(optimum, vector=trial, here=there)
    return optimum


def _flipped(problem: Problem, optimum: Optimum) -> Optimum:
    """The same point with no negative diagonal: columns and their effects change sign."""
    params = Params.unpack(optimum.vector, problem.shape)
    pairs = list(zip(problem.covariances, params.theta, strict=True))
    theta = tuple(covariance.rectify(part) for covariance, part in pairs)
    vector = Params(params.beta, theta).pack()
    if np.array_equal(vector, optimum.vector):
        return optimum
    signs = [np.where(np.diag(c.factor(part)) < 0, -1.0, 1.0) for c, part in pairs]
    u = problem.join(optimum.here.mode.u)
    turned = tuple(part * signs[f][:, None] for part, f in zip(u, problem.order, strict=True))
    here = problem.evaluate(vector, problem.split(turned))
    if here is None:
        return optimum
    n_evaluations = optimum.n_evaluations + 1
    return replace(optimum, vector=vector, here=here, n_evaluations=n_evaluations)


def _edges(problem: Problem, vector: Floats) -> Iterator[Edge]:
    """The boundary of the parameters of all covariances, with places in the whole vector."""
    start = problem.shape.n_beta
    theta = Params.unpack(vector, problem.shape).theta
    for covariance, part in zip(problem.covariances, theta, strict=True):
        for edge in covariance.edges(part):
            yield edge._replace(places=start + edge.places)
        start += covariance.n_params


def spreads(problem: Problem) -> Ints:
    """Return the places of the parameters that are zero where effects do not vary."""
    starts = problem.shape.n_beta + np.cumsum([0, *problem.shape.n_theta])
    pairs = zip(starts, problem.covariances, strict=False)
    places = [start + covariance.spreads for start, covariance in pairs]
    return np.concatenate([np.zeros(0, dtype=np.intp), *places])


def zeros(problem: Problem, vector: Floats) -> Bools:
    """Which parameters lie on the boundary, or have no effect there, (n_params,)."""
    theta = Params.unpack(vector, problem.shape).theta
    pairs = zip(problem.covariances, theta, strict=True)
    fixed = np.zeros(problem.shape.n_beta, dtype=np.bool_)
    found = np.concatenate([fixed, *(covariance.zeros(part) for covariance, part in pairs)])
    for places, values in _alone(problem, vector):
        found[places] |= not values.any()
    return found


def free_parameters(problem: Problem, optimum: Optimum) -> Bools:
    """Return the parameters that lie on no boundary, shape (n_params,)."""
    return np.asarray(~optimum.capped & ~zeros(problem, optimum.vector))


def singular_terms(
    factor: Factor, lambda_: Floats, rank_mask: Bools, held: Sequence[str] = ()
) -> list[str]:
    """One sentence for each singular term of a factor.

    Parameters
    ----------
    factor : Factor
    lambda_ : ndarray, shape (k, k)
        Effects are ``lambda_ @ u``, in the user's units.
    rank_mask : ndarray of bool, shape (k,)
        Which diagonal entries of the standardized factor are zero.
    held : sequence of str
        Correlations of effects of one kind on the boundary: ``rho(t | g) is 1``.
    """
    sentences, start = [], 0
    for size in factor.terms:
        term = slice(start, start + size)
        if np.any(rank_mask[term]):
            parts = factor.parts or ("",) * factor.n_columns
            pairs = zip(parts[term], factor.columns[term], strict=True)
            names = tuple(part or name for part, name in pairs)
            joint = factor.joint_name or f"{names[0]}, ..., {names[-1]}"
            sentences.append(
                _shared_sentence(factor.name, joint, lambda_[term], held)
                if factor.is_one_hot
                else _sentence(factor.name, names, lambda_[term])
            )
        start += size
    return sentences


def _shared_sentence(group: str, joint: str, lambda_: Floats, held: Sequence[str]) -> str:
    """The same of many effects of one kind."""
    which = f"{joint} between levels of {group}"
    if not np.any(lambda_):
        return f"the standard deviation of {which} is 0"
    if held:
        return f"{' and '.join(held)}, so that the effects {which} are not all free to vary"
    return f"the effects {which} are not all free to vary: correlations of theirs are 1 or -1"


def _sentence(group: str, names: tuple[str, ...], lambda_: Floats) -> str:
    sds = np.sqrt(np.sum(lambda_**2, axis=1))
    absent = dict.fromkeys(name for name, sd in zip(names, sds, strict=True) if sd == 0)
    if absent:
        which = " and ".join(absent)
        return f"the standard deviation of {which} between levels of {group} is 0"
    correlation = (lambda_ / sds[:, None]) @ (lambda_ / sds[:, None]).T
    if len(names) == 2:
        sign = "1" if correlation[0, 1] > 0 else "-1"
        return f"the correlation of {names[0]} and {names[1]} between levels of {group} is {sign}"
    direction = np.linalg.eigh(correlation)[1][:, 0] / sds
    direction /= np.max(np.abs(direction))
    terms = [f"{weight:+.3g} {name}" for weight, name in zip(direction, names, strict=True)]
    return f"the combination {' '.join(terms)} does not vary between levels of {group}"
