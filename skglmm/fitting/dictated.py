r"""Standard errors where the responses of a category are identical and its precision is unbounded.

Rows that are held have a precision without bound, so whatever varies among them, a covariate or
an effect of groups, is known from them alone and without error. The other rows may say something
else of the same coefficients, and are not heard; and what they say of further coefficients is then
said given a value that is wrong. With the covariance V that the other rows alone would give, and
P for the combinations of coefficients of which both kinds of rows speak, the rows that are held
take away the variance :math:`V P (P^T V P)^{-1} P^T V`: an estimate is dictated where that is a
part of its variance that counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag, eigh

from skglmm.arrays import Bools, Floats, Ints
from skglmm.engine import Params, Problem, Shard, observed_information
from skglmm.families import Family
from skglmm.fitting.data.cap import Dictated
from skglmm.fitting.data.standardize import Scales
from skglmm.fitting.search.bound import Bound
from skglmm.fitting.search.hessian import differenced_hessian
from skglmm.fitting.search.information import first_hessian
from skglmm.fitting.search.optimize import Optimum, solved
from skglmm.fitting.search.singular import zeros

__all__ = ["Beside", "beside_ceilings", "with_information"]

TOUCHES = 1e-6  # on the scale of a link: rounding
SHARP = 100.0  # expected information of one row: a standard error of 0.1 units of the link
MOVED = 1e-3  # of the largest move of a row: the error of differences, and less
RANK = 1e-9  # of the largest eigenvalue of a Gram matrix: rounding
SHARE = 1e-6  # of the information of rows: more than effects of groups leave at a floor
SAME = 1e-8  # one minus the cosine of two directions that are one, but for rounding


@dataclass(frozen=True)
class _Kinds:
    """Gram matrices of the fixed columns: of rows that are held, of the others, of their effects.

    `sharp` counts, for each predictor, the rows that are held of which each tells it closely.
    """

    sharp: Floats
    held: list[Floats]
    others: list[Floats]
    effects: dict[tuple[int, int], tuple[int, float, list[Floats]]]


class Beside(NamedTuple):
    """What to learn uncertainty from, where rows are at a ceiling.

    Parameters
    ----------
    scales : Scales
        With the directions in which rows that are held vary as coefficients of their own.
    hessian : ndarray, shape (n_params, n_params)
        In these coefficients: beside the huge curvature of such rows that of the others keeps
        its digits.
    dictated : Dictated or None
        None where nothing is.
    """

    scales: Scales
    hessian: Floats
    dictated: Dictated | None


def beside_ceilings(bound: Bound, optimum: Optimum, hessian: Floats) -> Beside:
    """Return what rows at a ceiling leave to learn of all estimates.

    Parameters
    ----------
    bound : Bound
    optimum : Optimum
        Where the optimizer stopped.
    hessian : ndarray, shape (n_params, n_params)
        Of the objective there.
    """
    problem, scales = bound.problem, bound.scales
    capped = _capped(problem, optimum)
    if not capped:
        return Beside(scales, hessian, None)
    if _is_reproduced(bound, capped):
        return _reproduced(bound, optimum, capped, hessian)
    found = _kinds(bound, optimum, capped)
    told = [k for k in range(len(found.held)) if k in capped or found.sharp[k] > 0]
    effects = {
        place: grams
        for place, (k, n_held, grams) in found.effects.items()
        if k in told and n_held > 0 and any(np.any(gram) for gram in grams)
    }
    spoken = _spoken(problem, found, told, effects)
    ranges = {k: _range(found.held[k]) for k in told if k not in capped}
    if not spoken.shape[1] and all(each.shape[1] < 2 for each in ranges.values()):
        return Beside(scales, hessian, None)
    others = hessian.copy()
    places = _places_of(problem, bound, told)
    others[places] = _without(problem, optimum, capped)[places]
    others[:, places] = others[places].T
    scales, turned = _turned(bound, optimum, others, ranges)
    if not spoken.shape[1]:
        return Beside(scales, turned, None)
    flat = _taken_away(problem, optimum, found, told, spoken, others)
    spoken = _with_misfit(problem, optimum, capped, told, spoken, flat)
    flat = _taken_away(problem, optimum, found, told, spoken, others)
    n_theta = problem.shape.n_params - problem.shape.n_beta
    to_user = block_diag(bound.scales.whole_map, np.eye(n_theta))
    return Beside(scales, turned, Dictated(np.asarray(to_user @ flat), tuple(effects)))


def with_information(bound: Bound, optimum: Optimum) -> Optimum:
    """Return an optimum with the information of groups for its Hessian, where rows are at a floor.

    Differences of gradients lose there what is small beside the curvature of the rows.
    """
    if not optimum.is_exact or not _is_reproduced(bound, _capped(bound.problem, optimum)):
        return optimum
    return replace(optimum, hessian=first_hessian(bound.problem, optimum.here))


def _is_reproduced(bound: Bound, capped: Sequence[int]) -> bool:
    """Whether all rows are at a floor."""
    limits = bound.problem.family.limits
    return bool(capped) and not bound.caps and all(limits[k].sign < 0.0 for k in capped)


def _reproduced(bound: Bound, optimum: Optimum, capped: Sequence[int], hessian: Floats) -> Beside:
    """Return what all rows at a floor leave to learn.

    Of the information that rows would have if effects of groups were known, these take a part
    away: almost all of it where what is left is about the groups, and stands. Anything else is
    told by the rows without error.
    """
    problem, scales = bound.problem, bound.scales
    counts = problem.shape.n_coefficients
    places = np.flatnonzero(
        np.concatenate([np.full(n, k not in capped) for k, n in enumerate(counts)])
    )
    if not len(places):
        return Beside(scales, hessian, None)
    rows = observed_information(problem, optimum.here.mode.point)
    inside = np.ix_(places, places)
    shares, ways = eigh(hessian[inside], rows[inside])
    told = shares > SHARE
    flat = np.zeros((problem.shape.n_params, int(told.sum())))
    flat[places] = ways[:, told] / np.sqrt(shares[told])
    n_theta = problem.shape.n_params - problem.shape.n_beta
    to_user = block_diag(scales.whole_map, np.eye(n_theta))
    return Beside(scales, hessian, Dictated(np.asarray(to_user @ flat), ()))


def _turned(
    bound: Bound, optimum: Optimum, others: Floats, ranges: Mapping[int, Floats]
) -> tuple[Scales, Floats]:
    """Make coefficients of the directions in which rows that are held vary, (p_k, r) each.

    The Hessian of the other rows gets the information of all in these directions.
    """
    problem, scales = bound.problem, bound.scales
    turns, pinned = [], []
    for k, count in enumerate(problem.shape.n_coefficients):
        first = ranges.get(k, np.zeros((count, 0)))
        left = np.linalg.svd(first)[0] if first.shape[1] else np.eye(count)
        turns.append(np.hstack([first, left[:, first.shape[1] :]]))
        pinned.append(np.arange(count) < first.shape[1])
    n_theta = problem.shape.n_params - problem.shape.n_beta
    turn = block_diag(*turns, np.eye(n_theta))
    places = np.flatnonzero(np.concatenate([*pinned, np.zeros(n_theta, np.bool_)]))
    inside = np.ix_(places, places)
    hessian = turn.T @ others @ turn
    hessian[inside] = (turn.T @ first_hessian(problem, optimum.here) @ turn)[inside]
    pairs = list(zip(scales.to_user, scales.widths, turns, strict=True))
    scales = replace(
        scales,
        to_user=tuple(to_user @ part for to_user, _, part in pairs),
        widths=tuple(widths @ np.abs(part) for _, widths, part in pairs),
    )
    return scales, hessian


def _places_of(problem: Problem, bound: Bound, told: Sequence[int]) -> Ints:
    """Places of the parameters of some predictors, with the variances of their effects."""
    parts = [np.full(n, k in told) for k, n in enumerate(problem.shape.n_coefficients)]
    for factor, covariance in zip(bound.layout.factors, problem.covariances, strict=True):
        feeds = any(k in told for k in factor.predictors)
        parts.append(np.full(covariance.n_params, feeds))
    return np.flatnonzero(np.concatenate(parts))


def _capped(problem: Problem, optimum: Optimum) -> tuple[int, ...]:
    """The predictors that stopped at a ceiling where the likelihood has no bound."""
    at_cap = Params.unpack(optimum.capped.astype(np.float64), problem.shape).beta
    pairs = zip(at_cap, problem.family.parameters, strict=True)
    return tuple(k for k, (flags, each) in enumerate(pairs) if np.any(flags) and each.reproduces)


def _kinds(bound: Bound, optimum: Optimum, capped: Sequence[int]) -> _Kinds:
    problem = bound.problem
    beta = Params.unpack(optimum.vector, problem.shape).beta
    common = {"family": problem.family, "beta": beta, "capped": capped}
    sharp, held, others, by_column = problem.shards.map(_sums, **common).total()
    places = [
        (f, c, k) for f in problem.order for c, k in enumerate(bound.layout.factors[f].predictors)
    ]
    effects = {
        (f, c): (k, float(n_held), grams)
        for (f, c, k), (n_held, grams) in zip(places, by_column, strict=True)
    }
    return _Kinds(sharp, held, others, effects)


def _sums(
    shard: Shard, family: Family, beta: Sequence[Floats], capped: Sequence[int]
) -> tuple[Floats, list[Floats], list[Floats], list[tuple[float, list[Floats]]]]:
    """Return what `_Kinds` consists of, of one shard."""
    held = _held(shard, family, beta, capped)
    eta = [np.broadcast_to(row, (shard.n_rows,)) for row in _fixed_part(shard, beta)]
    information = family.expected_information([row[held] for row in eta])
    places = [family.packing.pairs[k, k] for k in range(len(beta))]
    sharp = np.sum(information[places] > SHARP, axis=1).astype(np.float64)
    columns = []
    for factor in shard.factors:
        for column in factor.columns:
            varies = np.ones(shard.n_rows, np.bool_) if column is None else column != 0.0
            count = float(np.count_nonzero(varies & held))
            columns.append((count, _grams(shard, varies & ~held)))
    return sharp, _grams(shard, held), _grams(shard, ~held), columns


def _held(shard: Shard, family: Family, beta: Sequence[Floats], capped: Sequence[int]) -> Bools:
    """The rows that are at the ceiling of some predictor, (n,)."""
    held = np.zeros(shard.n_rows, dtype=np.bool_)
    for k in capped:
        held |= family.limits[k].beyond(shard.fixed[k] @ beta[k]) >= -TOUCHES
    return held


def _fixed_part(shard: Shard, beta: Sequence[Floats]) -> Iterator[Floats]:
    for x, b, offset in zip(shard.fixed, beta, shard.offsets, strict=True):
        yield x @ b if offset is None else x @ b + offset


def _grams(shard: Shard, rows: Bools) -> list[Floats]:
    return [
        x[rows].T @ x[rows] if len(x) > 1 else x.T @ x * float(np.count_nonzero(rows))
        for x in shard.fixed
    ]


def _spoken(
    problem: Problem,
    found: _Kinds,
    told: Sequence[int],
    effects: dict[tuple[int, int], list[Floats]],
) -> Floats:
    """Combinations of parameters of which both kinds of rows speak, (n_params, m).

    A variance is one of them; whatever the rows with this effect tell goes with it.
    """
    parts = []
    for k in told:
        own = _shared(_range(found.held[k]), _range(found.others[k]))
        through = [_range(grams[k]) for grams in effects.values()]
        parts.append(np.hstack([own, *through]))
    spoken = _placed(problem, told, parts)
    thetas = sorted({m for f, c in effects for m in _theta_of(problem, f, c)})
    return np.hstack([_orthonormal(spoken), np.eye(len(spoken))[:, thetas]])


def _with_misfit(
    problem: Problem,
    optimum: Optimum,
    capped: Sequence[int],
    told: Sequence[int],
    spoken: Floats,
    flat: Floats,
) -> Floats:
    """Add whatever the rows tell that what is wrong fits badly, such as their precision.

    These are the rows whose predictors move along with what is dictated.
    """
    beta = Params.unpack(optimum.vector, problem.shape).beta
    ends = np.cumsum(problem.shape.n_coefficients)
    moves = np.split(flat[: ends[-1]], ends[:-1])
    largest = max(problem.shards.map(_largest_move, moves=moves, told=told))
    common = {"family": problem.family, "beta": beta, "capped": capped}
    grams = problem.shards.map(
        _moved_grams, moves=moves, told=told, least=MOVED * largest, **common
    ).total()
    more = _placed(problem, told, [_range(grams[k]) for k in told])
    return _orthonormal(np.hstack([spoken, more]))


def _row_moves(shard: Shard, moves: Sequence[Floats], told: Sequence[int]) -> Floats:
    """Largest change of the predictors of each row, (n,)."""
    largest = np.zeros(shard.n_rows)
    for k in told:
        largest = np.maximum(largest, np.max(np.abs(shard.fixed[k] @ moves[k]), axis=1))
    return largest


def _largest_move(shard: Shard, moves: Sequence[Floats], told: Sequence[int]) -> float:
    return float(np.max(_row_moves(shard, moves, told), initial=0.0))


def _moved_grams(
    shard: Shard,
    family: Family,
    beta: Sequence[Floats],
    capped: Sequence[int],
    moves: Sequence[Floats],
    told: Sequence[int],
    least: float,
) -> list[Floats]:
    moved = _row_moves(shard, moves, told) > least
    return _grams(shard, moved & ~_held(shard, family, beta, capped))


def _theta_of(problem: Problem, f: int, c: int) -> list[int]:
    """Places of the parameters of one effect's variance and correlations."""
    start = problem.shape.n_beta + sum(each.n_params for each in problem.covariances[:f])
    return [start + int(m) for m in problem.covariances[f].governing(c)]


def _placed(problem: Problem, told: Sequence[int], parts: Sequence[Floats]) -> Floats:
    """Combinations of coefficients of some predictors as columns of all parameters."""
    starts = np.cumsum([0, *problem.shape.n_coefficients])
    blocks = []
    for k, part in zip(told, parts, strict=True):
        block = np.zeros((problem.shape.n_params, part.shape[1]))
        block[starts[k] : starts[k + 1]] = part
        blocks.append(block)
    return np.hstack(blocks)


def _taken_away(
    problem: Problem,
    optimum: Optimum,
    found: _Kinds,
    told: Sequence[int],
    spoken: Floats,
    hessian: Floats,
) -> Floats:
    """Directions whose products sum up to the variance that the rows which are held take away.

    The covariance is that of the other rows, whose Hessian it is. What only rows that are held
    speak of, such as the level of their own mean, stays where it is.
    """
    free = ~zeros(problem, optimum.vector)
    spoken = spoken[:, np.any(spoken[free] != 0.0, axis=0)]
    own = [_rest(_range(found.held[k]), _range(found.others[k])) for k in told]
    placed = _placed(problem, told, own)
    hessian = hessian + placed @ placed.T
    kept = np.flatnonzero(free)
    flat = np.zeros_like(spoken)
    flat[kept] = solved(hessian[np.ix_(kept, kept)], spoken[kept])
    values, vectors = np.linalg.eigh(spoken.T @ flat)
    good = values > RANK * max(float(values.max(initial=0.0)), RANK)
    return np.asarray(flat @ vectors[:, good] / np.sqrt(values[good]))


def _without(problem: Problem, optimum: Optimum, capped: Sequence[int]) -> Floats:
    """Hessian of the objective of the other rows, where all rows have led, (n_params, n_params)."""
    free = ~zeros(problem, optimum.vector)
    beta = Params.unpack(optimum.vector, problem.shape).beta
    common = {"family": problem.family, "beta": beta, "capped": capped}
    others = replace(problem, shards=problem.shards.map(_weightless, **common))
    here = others.evaluate(optimum.vector, optimum.here.mode.u)
    if here is None:
        return np.zeros((len(free), len(free)))
    hessian = first_hessian(others, here)
    state = Optimum(optimum.vector, here, hessian, np.full(len(free), np.inf))
    exact = differenced_hessian(others, state, free)
    return hessian if exact is None else exact


def _weightless(
    shard: Shard, family: Family, beta: Sequence[Floats], capped: Sequence[int]
) -> Shard:
    """The shard in which rows that are held do not count."""
    weights = np.ones(shard.n_rows) if shard.weights is None else shard.weights
    return replace(shard, weights=np.where(_held(shard, family, beta, capped), 0.0, weights))


def _range(gram: Floats) -> Floats:
    """Orthonormal basis of the rows whose Gram matrix it is, (p, r)."""
    values, vectors = np.linalg.eigh(gram)
    return np.asarray(vectors[:, values > RANK * max(1.0, float(values.max(initial=0.0)))])


def _shared(left: Floats, right: Floats) -> Floats:
    """Orthonormal basis of what two spaces have in common."""
    turned, cosines, _ = np.linalg.svd(left.T @ right)
    return np.asarray(left @ turned[:, : len(cosines)][:, cosines > 1.0 - SAME])


def _rest(left: Floats, right: Floats) -> Floats:
    """Orthonormal basis of what one space has beyond what it shares with another."""
    common = _shared(left, right)
    return _orthonormal(left - common @ (common.T @ left))


def _orthonormal(columns: Floats) -> Floats:
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, sizes > RANK])
