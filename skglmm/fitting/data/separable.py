r"""Whether any data could tell the variances of the random effects of a factor apart.

In a level whose rows have the effects Z, the effects give the linear predictors the covariance
:math:`Z \Sigma Z^T`. Effects that may be correlated need independent columns, or a change of
basis changes :math:`\Sigma` alone. Independent terms may overlap, ``(1 | g) + (0 + f || g)``: what
they need is that no covariance that one of them can give is a sum of those of the others, in all
levels at once. Effects that share their variances, as the bends of a curve do, are one term.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Covariance
from skglmm.design import Design, Factor, OneHot
from skglmm.exceptions import DesignError
from skglmm.fitting.data.summaries import independent_of, triangle
from skglmm.parts import Parts

__all__ = ["refuse_inseparable"]

SAME = 1e-7  # sine of the angle between covariances that are the same but for rounding
ROUNDING = 1e-12  # of the largest eigenvalue: those below are zero
NAMED = 1e-6  # of the largest coefficient: effects that have a part in a sum
FIRST_LEVELS, MOST_LEVELS = 64, 16384  # looked at in one pass: a few are nearly always enough


def refuse_inseparable(factor: Factor, f: int, designs: Parts[Design], basis: Floats) -> None:
    """Refuse effects of a factor whose variances no data can tell apart.

    Parameters
    ----------
    factor : Factor
    f : int
        Its place in the designs.
    designs : Parts of Design
    basis : ndarray, shape (k, k)
        From the user's effects to standardized ones.

    Raises
    ------
    DesignError
        With the names of the effects.
    """
    if factor.is_one_hot:
        _refuse_absent(factor, designs.map(_counts, f=f).total())
        return
    fed = np.array(factor.predictors)
    triangles = {
        k: triangle(designs, _effects, f=f, turn=basis[:, fed == k]) for k in sorted(set(fed))
    }
    components = factor.covariance.components
    _refuse_collinear(factor, fed, triangles, components)
    terms = list(_terms(factor.covariance))
    if len(terms) > 1:
        space = _Space.of(fed, triangles, basis)
        _refuse_overlap(factor, terms, space, _level_sums(designs, f, space, factor.n_levels))


@dataclass(frozen=True)
class _Term:
    """Effects that may be correlated, or that share their variances."""

    effects: tuple[int, ...]
    is_shared: bool = False

    @property
    def pairs(self) -> list[tuple[int, ...]]:
        """Effects that each covariance of the rows comes from."""
        if self.is_shared:
            return [self.effects]
        return list(combinations_with_replacement(self.effects, 2))


def _terms(covariance: Covariance) -> Iterator[_Term]:
    start = 0
    for block in covariance.blocks:
        inside = [tuple(start + c for c in effects) for effects in block.components]
        if block.n_params < block.size == len(inside):
            yield _Term(tuple(range(start, start + block.size)), is_shared=True)
        else:
            yield from map(_Term, inside)
        start += block.size


def _effects(design: Design, f: int, turn: Floats) -> Floats:
    return np.asarray(_matrix(design, f) @ turn)


def _matrix(design: Design, f: int) -> Floats:
    z = design.columns[f]
    assert not isinstance(z, OneHot)  # these are told apart by their index
    return z


def _counts(design: Design, f: int) -> Ints:
    """Rows of each of the one-hot effects of a factor, (k,)."""
    z = design.columns[f]
    assert isinstance(z, OneHot)
    return np.bincount(z.index[z.entries != 0.0], minlength=z.size)


def _refuse_absent(factor: Factor, counts: Ints) -> None:
    """Refuse effects without rows whose variance is their own: what others say is not of them."""
    if not factor.covariance.rescales:
        return  # the variance of all is one
    components = factor.covariance.components
    alone = [c for part in components if len(part) == 1 < len(components) for c in part]
    lost = [factor.columns[c] for c in alone if not counts[c]]
    if lost:
        msg = (
            f"no row has these random effects of {factor.name}: {', '.join(lost)}; their "
            "variances cannot be estimated, so leave these out"
        )
        raise DesignError(msg)


def _refuse_collinear(
    factor: Factor, fed: Ints, triangles: dict[int, Floats], components: Sequence[tuple[int, ...]]
) -> None:
    lost = []
    for component in components:
        for k, upper in triangles.items():
            inside = [c for c in component if fed[c] == k]
            places = [int(np.count_nonzero(fed[:c] == k)) for c in inside]
            kept = independent_of(upper[:, places])
            lost += [factor.columns[c] for place, c in enumerate(inside) if place not in kept]
    if lost:
        msg = (
            f"the random effects of {factor.name} hold columns that are 0 in all rows, or "
            "constant beside an intercept or linear combinations of others that they may be "
            f"correlated with: {', '.join(lost)}; their variances cannot be estimated, so leave "
            "these out"
        )
        raise DesignError(msg)


@dataclass(frozen=True)
class _Space:
    """The columns of q effects in an orthonormal basis of what they span over the rows, r long.

    Parameters
    ----------
    coordinates : ndarray, shape (r, q)
        Of the columns, each of length 1.
    lengths : ndarray, shape (q,)
        Of the columns.
    turn : ndarray, shape (q, r)
        The effects of rows, in the user's units, times this are the basis.
    fed : ndarray of int, shape (r,)
        Linear predictor of each direction.
    """

    coordinates: Floats
    lengths: Floats
    turn: Floats
    fed: Ints

    @classmethod
    def of(cls, fed: Ints, triangles: dict[int, Floats], basis: Floats) -> "_Space":
        """Return the space of columns that feed predictors, given their triangular factors."""
        coordinates, turns, directions = [], [], []
        for k, upper in triangles.items():
            kept = independent_of(upper)
            q, r = np.linalg.qr(upper[:, kept])
            inside = np.zeros((len(kept), len(fed)))
            inside[:, fed == k] = q.T @ upper
            coordinates.append(inside)
            turns.append(basis[:, fed == k][:, kept] @ np.linalg.inv(r))
            directions += [k] * len(kept)
        joined = np.vstack(coordinates)
        lengths = np.linalg.norm(joined, axis=0)
        return cls(joined / lengths, lengths, np.hstack(turns), np.array(directions))

    @property
    def pairs(self) -> tuple[Ints, Ints]:
        """Pairs of directions, the first no later than the second: a basis of symmetric forms."""
        return np.triu_indices(len(self.fed))

    def forms(self, term: _Term) -> Floats:
        """Covariances of the rows for each variance and covariance of some effects, (pairs, m)."""
        first, second = self.pairs
        if term.is_shared:
            shares = (self.lengths / self.lengths.max())[list(term.effects)]
            columns = self.coordinates[:, list(term.effects)] * shares
            return np.asarray(np.sum(columns[first] * columns[second], axis=1, keepdims=True))
        columns = self.coordinates
        pairs = [(columns[:, one], columns[:, other]) for one, other in term.pairs]
        forms = [
            (one[first] * other[second] + one[second] * other[first]) / 2.0 for one, other in pairs
        ]
        return np.column_stack(forms)


def _level_sums(designs: Parts[Design], f: int, space: _Space, n_levels: int) -> Iterator[Floats]:
    """Inner products of the symmetric forms over the pairs of rows of more and more levels."""
    first, second = space.pairs
    total, start, width = np.zeros((len(first), len(first))), 0, FIRST_LEVELS
    halves = np.where(first == second, 0.5, 1.0)
    while start < n_levels:
        stop = min(start + width, n_levels)
        sums = designs.map(_products, f=f, space=space, start=start, stop=stop).total()
        for gram in sums:
            straight = gram[np.ix_(first, first)] * gram[np.ix_(second, second)]
            crossed = gram[np.ix_(first, second)] * gram[np.ix_(second, first)]
            total += straight + crossed
        yield total * np.outer(halves, halves)
        start, width = stop, min(2 * width, MOST_LEVELS)


def _products(design: Design, f: int, space: _Space, start: int, stop: int) -> Floats:
    """Products of the directions summed over the rows of some levels, (levels, r, r)."""
    codes, columns = design.codes[f], _matrix(design, f)
    chosen = (codes >= start) & (codes < stop)
    if not chosen.all():
        codes, columns = codes[chosen], columns[chosen]
    rows = columns @ space.turn
    sums = np.zeros((stop - start, len(space.fed), len(space.fed)))
    for u, v in zip(*space.pairs, strict=True):
        if space.fed[u] == space.fed[v]:
            found = np.bincount(codes - start, rows[:, u] * rows[:, v], minlength=stop - start)
            sums[:, u, v] = sums[:, v, u] = found
    return sums


def _refuse_overlap(
    factor: Factor, terms: Sequence[_Term], space: _Space, level_sums: Iterator[Floats]
) -> None:
    forms = [space.forms(term) for term in terms]
    found = None
    for products in level_sums:
        root = _root(products)
        found = _overlap([root @ part for part in forms])
        if found is None:
            return
    assert found is not None  # a factor has levels
    place, coefficients = found
    earlier = [pair for term in terms[:place] for pair in term.pairs]
    new = _named(factor, terms[place].pairs, coefficients[len(earlier) :])
    old = _named(factor, earlier, coefficients[: len(earlier)])
    where, level = (
        ("curves", "")
        if factor.is_smooth
        else (f"random effects of {factor.name}", "in every level, ")
    )
    msg = (
        f"the variances of the {where} cannot be told apart: {level}{new} can give the rows the "
        f"same covariance as {old}; leave one of these terms out"
    )
    raise DesignError(msg)


def _root(products: Floats) -> Floats:
    """A matrix R with ``R.T @ R`` the products."""
    values, vectors = np.linalg.eigh(products)
    kept = values > ROUNDING * values[-1]
    return np.asarray(np.sqrt(values[kept])[:, None] * vectors[:, kept].T)


def _overlap(parts: Sequence[Floats]) -> tuple[int, Floats] | None:
    """Find the first part whose span shares a direction with those before it.

    Returns its place, and how the direction is a combination of the columns of those before it
    and of its own, or None.
    """
    before = np.zeros((len(parts[0]), 0))
    for place, part in enumerate(parts):
        own = _orthonormal(part)
        beyond = own - before @ (before.T @ own)
        sines = np.linalg.svd(beyond, compute_uv=False)
        if own.shape[1] and (len(sines) < own.shape[1] or sines[-1] < SAME):
            shared = own @ np.linalg.svd(beyond)[2][-1]
            earlier = np.hstack(parts[:place])
            sides = [np.linalg.lstsq(side, shared, rcond=SAME)[0] for side in (earlier, part)]
            return place, np.concatenate(sides)
        before = np.hstack([before, _orthonormal(beyond)])
    return None


def _orthonormal(x: Floats) -> Floats:
    left, sizes, _ = np.linalg.svd(x, full_matrices=False)
    return left[:, sizes > SAME * sizes.max(initial=0.0)]


def _named(factor: Factor, pairs: Sequence[tuple[int, ...]], coefficients: Floats) -> str:
    """Names of the effects, or curves, that have a part in a combination."""
    large = np.abs(coefficients) > NAMED * np.abs(coefficients).max()
    found = {c for pair, used in zip(pairs, large, strict=True) if used for c in pair}
    parts = factor.parts or ("",) * factor.n_columns
    return " and ".join(dict.fromkeys(parts[c] or factor.columns[c] for c in sorted(found)))
