"""Nested models: what a larger one adds to a smaller one, or why it is no extension of it.

A model is nested in another if its fixed effects, and the effects of each of its terms, are
combinations of those of the other: ``x`` and ``poly(x, 2)``, ``x`` and ``C(x)``. That is told by
what their columns span, and by how factors group the rows; where a fit keeps too little of these,
by names, in which the order within an interaction, ``a:b`` or ``b:a``, does not matter.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import comb
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Floats
from skglmm.covariance import Covariance, Lowered
from skglmm.design import Factor
from skglmm.fitting import Fit, Spaces
from skglmm.inference.hypotheses.integrals import REFIT, other_integrals
from skglmm.inference.hypotheses.spans import SpanColumns, in_order, within_span

__all__ = ["Addition", "Comparison", "asserted"]

_BY_NAME = (
    ", by {}; the fits keep too little to compare what so many columns span: pass X, the rows of "
    "fit, too"
)


@dataclass(frozen=True)
class Addition:
    """What a larger model adds to a smaller one that is nested in it.

    Parameters
    ----------
    n_fixed : int
        Fixed effects.
    effects : tuple of str
        Effects that vary over levels, ``"x | g"``: one variance each.
    n_joined : int
        Covariances of these effects with each other and with those that the smaller model has.
    n_freed : int
        Covariances between effects that both models have.
    n_unknown : int
        Parameters of variances and covariances of which that is not known.
    ends : tuple of str
        Which of the fixed effects are one number of the family, and at an end of its range where
        the larger model is the smaller one: a dispersion of 0.
    """

    n_fixed: int
    effects: tuple[str, ...]
    n_joined: int
    n_freed: int
    n_unknown: int = 0
    ends: tuple[str, ...] = ()

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        n_variances = len(self.effects) + self.n_joined + self.n_freed + self.n_unknown
        return self.n_fixed + n_variances


class _Block(NamedTuple):
    """The effects of one grouping factor, and which of them make a term."""

    factor: Factor
    columns: SpanColumns
    terms: tuple[SpanColumns, ...]

    def home(self, term: SpanColumns) -> int | None:
        """Return the smallest term whose effects those of another are combinations of."""
        found = [j for j, own in enumerate(self.terms) if not term.beyond(own)]
        return min(found, key=lambda j: len(self.terms[j].effects), default=None)


@dataclass(frozen=True)
class Comparison:
    """Two models for the same responses, of which one may be nested in the other.

    Parameters
    ----------
    smaller, larger : Fit
    spaces : tuple of Spaces, length 2, or None
        What their columns span, of rows that are at hand; None takes what the fits keep.
    """

    smaller: Fit
    larger: Fit
    spaces: tuple[Spaces, Spaces] | None = None

    def obstacle(self) -> str | None:
        """Return why one model is not nested in the other: a clause, or None if it is."""
        return next(self._obstacles(), None)

    def addition(self) -> Addition:
        """Return what the larger model adds to the smaller one, which is nested in it."""
        before, after = self._blocks
        effects: list[str] = []
        n_joined = 0
        for key, block in after.items():
            terms = before[key].terms if key in before else ()
            homes = [block.home(term) for term in terms]
            for j, own in enumerate(block.terms):
                known = [term for term, home in zip(terms, homes, strict=True) if home == j]
                new = _new(own, known)
                effects += [f"{own.effects[c][1]} | {block.factor.name}" for c in new]
                n_joined += comb(len(own.effects), 2) - comb(len(own.effects) - len(new), 2)
        n_theta = _n_theta(self.larger) - _n_theta(self.smaller)
        return Addition(
            n_fixed=self.larger.n_params - self.smaller.n_params - n_theta,
            effects=tuple(effects),
            n_joined=n_joined,
            n_freed=n_theta - len(effects) - n_joined,
            ends=self.larger.family.ends_in(self.smaller.family),
        )

    @property
    def _both_spaces(self) -> tuple[Spaces | None, Spaces | None]:
        return self.spaces or (self.smaller.spaces, self.larger.spaces)

    @property
    def _blocks(self) -> tuple[dict[Any, _Block], dict[Any, _Block]]:
        """The effects of each grouping factor, by how it groups the rows, or by its name."""
        pairs = list(zip((self.smaller, self.larger), self._both_spaces, strict=True))
        by_rows = all(
            space and len(set(_keys(fit, space))) == len(space.groups) for fit, space in pairs
        )
        one, other = (_blocks(fit, space, by_rows=by_rows) for fit, space in pairs)
        return one, other

    def _obstacles(self) -> Iterator[str]:
        if self.smaller.priors or self.larger.priors:
            yield "estimates with priors do not maximize likelihoods, so their ratio tells nothing"
        yield from _other_family(self.smaller, self.larger)
        yield from self._missing_fixed()
        reason = other_integrals(self.smaller, self.larger)
        if reason is not None:
            yield f"{reason}; {REFIT}"
        before, after = self._blocks
        for key, block in before.items():
            if key not in after:
                yield _regrouped(block.factor, self.larger) or (
                    f"only the smaller model has random effects of {block.factor.name!r}"
                )
            else:
                yield from _obstacles_of_factor(block, after[key])
        yield from self._other_offsets()
        if self.larger.n_params == self.smaller.n_params:
            yield "both are the same model, so there is nothing to test"

    def _other_offsets(self) -> Iterator[str]:
        one, other = _offsets(self.smaller), _offsets(self.larger)
        within = self._offsets_are_within()
        if not (one == other if within is None else within):
            yield f"their offsets differ, {one or 'no offset'} and {other or 'no offset'}"

    def _offsets_are_within(self) -> bool | None:
        """Return whether the fixed effects make up for the difference of the offsets.

        None if that cannot be told.
        """
        one, other = self._both_spaces
        fixed = [_fixed(self.smaller, one), _fixed(self.larger, other)]
        if one is None or other is None or fixed[0].is_named(fixed[1]):
            return None
        m = min(one.n_sums, other.n_sums)
        triples = list(zip(one.offsets, other.offsets, other.fixed, strict=False))  # numbers last
        nothing = {*self.smaller.layout.left_out} & {*self.larger.layout.left_out}
        triples = [each for k, each in enumerate(triples) if k not in nothing]
        return all(
            within_span(
                left[:m] - right[:m],
                columns[:m],
                float(np.hypot(np.linalg.norm(left[:m]), np.linalg.norm(right[:m]))),
            )
            for left, right, columns in triples
        )

    def _missing_fixed(self) -> Iterator[str]:
        one, other = self._both_spaces
        mine, theirs = _fixed(self.smaller, one), _fixed(self.larger, other)
        missing = [mine.effects[c] for c in mine.beyond(theirs)]
        changed = [effect for effect in missing if effect in theirs.effects]
        layout = self.smaller.layout
        if changed:
            named = ", ".join(f"{name!r} of the {layout.described(k)}" for k, name in changed)
            yield (
                f"the fixed effect {named} holds other numbers in the two fits; refit both to the "
                "same X"
            )
        elif missing:
            named = ", ".join(f"{name!r} of the {layout.described(k)}" for k, name in missing)
            told = _BY_NAME.format("its name") if mine.is_named(theirs) else ""
            yield f"only the smaller model has the fixed effect {named}{told}"


def asserted(smaller: Fit, larger: Fit) -> Addition:
    """Return what a larger model adds that is nested in a way which cannot be told here.

    Parameters
    ----------
    smaller, larger : Fit
    """
    n_theta = _n_theta(larger) - _n_theta(smaller)
    n_fixed = larger.n_params - smaller.n_params - n_theta
    alike = [[len(part) for part in fit.theta] for fit in (smaller, larger)]
    if n_theta == 0 and alike[0] == alike[1]:
        return Addition(n_fixed, (), 0, 0)
    return Addition(n_fixed, (), 0, 0, n_unknown=n_theta)


def _new(own: SpanColumns, known: list[SpanColumns]) -> list[int]:
    """Places of the effects of a term that add to those of terms of a smaller model."""
    found = reduce(SpanColumns.beside, known) if known else None
    new = []
    for c in range(len(own.effects)):
        one = own.take([c])
        if found is None or one.beyond(found):
            new.append(c)
            found = one if found is None else found.beside(one)
    return new


def _n_theta(fit: Fit) -> int:
    return sum(map(len, fit.theta))


def _other_family(smaller: Fit, larger: Fit) -> Iterator[str]:
    if larger.family.contains(smaller.family):
        return
    one, other = smaller.family.title, larger.family.title
    if one != other:
        yield f"the families differ, {one} and {other}"
    pairs = zip(smaller.layout.predictors, smaller.family.links, strict=True)
    links = dict(zip(larger.layout.predictors, larger.family.links, strict=True))
    for predictor, left in pairs:
        right = links.get(predictor, left)
        if left != right:
            yield f"the links of the {predictor} differ, {left.name} and {right.name}"
    if smaller.family != larger.family:
        yield f"the families differ, {smaller.family} and {larger.family}"


def _obstacles_of_factor(smaller: _Block, larger: _Block) -> Iterator[str]:
    name, counts = smaller.factor.name, _level_counts(smaller.factor, larger.factor)
    if counts:
        yield counts
    told = _BY_NAME.format("name") if smaller.columns.is_named(larger.columns) else ""
    missing = smaller.columns.beyond(larger.columns)
    if missing:
        effects = _listed(smaller.columns, missing)
        yield f"only in the smaller model {effects} varies over {name!r}{told}"
    whole, part = larger.factor.covariance, smaller.factor.covariance
    in_any_order = whole.n_params == comb(whole.size + 1, 2) and not missing
    if whole.contains(part) and (_are_alike(smaller, larger) or in_any_order):
        return
    if smaller.factor.is_smooth:
        yield from _missing_curves(smaller.factor, larger.factor)
    else:
        yield from _obstacles_of_terms(smaller, larger, told)


def _obstacles_of_terms(smaller: _Block, larger: _Block, told: str) -> Iterator[str]:
    name = smaller.factor.name
    for term in smaller.terms:
        if larger.home(term) is None:
            effects = _listed(term, range(len(term.effects)), " and ")
            if len(term.effects) == 1:
                yield f"{effects} of {name!r} is made up of independent effects in the larger model"
            yield f"only in the smaller model {effects} of {name!r} may be correlated{told}"
    for block in (smaller, larger):
        n_free = sum(comb(len(term.effects) + 1, 2) for term in block.terms)
        covariance, other = block.factor.covariance, larger.factor.covariance
        if covariance.n_params != n_free and smaller.factor.covariance != other:
            kind = type(covariance).__name__
            yield f"covariances of the kind {kind}, as of {name!r}, are no part of others"


def _missing_curves(smaller: Factor, larger: Factor) -> Iterator[str]:
    found = list(_curves(larger))
    for curve in _curves(smaller):
        if curve not in found:
            yield f"the larger model does not have the curve {curve[0]!r} with the same basis"


def _curves(factor: Factor) -> Iterator[tuple[str, tuple[str, ...], Covariance]]:
    """Yield the penalized parts of smooths: names of curve and bends, and how these vary."""
    start = 0
    for block in factor.covariance.blocks:
        inside = slice(start, start + block.size)
        yield factor.parts[start], factor.columns[inside], block
        start = inside.stop


def _are_alike(smaller: _Block, larger: _Block) -> bool:
    """Whether the covariances of two fits are of the same effects in the same order."""
    one, other = smaller.columns, larger.columns
    return one.effects == other.effects


def _listed(columns: SpanColumns, places: Iterable[int], between: str = ", ") -> str:
    return between.join(repr(columns.effects[c][1]) for c in places)


def _fixed(fit: Fit, spaces: Spaces | None) -> SpanColumns:
    """The fixed effects that were estimated, without numbers that only a family knows."""
    parts, numbers = zip(fit.layout.coefficients, fit.aliased, strict=True), fit.layout.numbers
    effects = tuple(
        (k, in_order(name))
        for k, (names, aliased) in enumerate(parts)
        for j, name in enumerate(names)
        if j not in aliased and k not in numbers
    )
    if spaces is None:
        return SpanColumns(effects, None)
    fixed = [each for k, each in enumerate(spaces.fixed) if k not in numbers]
    return SpanColumns(effects, np.hstack(fixed))


def _offsets(fit: Fit) -> str:
    """Return the offsets of all predictors as text, in quotes; none is an empty text."""
    layout = fit.layout
    found = [layout.label(k, text) for k, texts in enumerate(layout.offsets) for text in texts]
    return repr(" + ".join(found)) if found else ""


def _blocks(fit: Fit, spaces: Spaces | None, *, by_rows: bool) -> dict[Any, _Block]:
    factors = fit.layout.factors
    sums = [None] * len(factors) if spaces is None else spaces.effects
    keys = _keys(fit, spaces if by_rows else None)
    return {
        key: _block(factor, part) for key, factor, part in zip(keys, factors, sums, strict=True)
    }


def _keys(fit: Fit, spaces: Spaces | None) -> list[Any]:
    """What tells factors apart: rows or names of groups, and of which times or places they are.

    That which takes the place of a residual is of all rows, whatever its effects are called.
    """
    factors = fit.layout.factors
    groups = map(_pieces, factors) if spaces is None else spaces.groups
    joint = ("residual" if _is_residual(factor) else factor.joint_name for factor in factors)
    return list(zip(groups, joint, strict=True))


def _is_residual(factor: Factor) -> bool:
    return any(isinstance(part, Lowered) for part in factor.covariance.blocks)


def _pieces(factor: Factor) -> frozenset[str]:
    """The columns of a factor: ``a:b`` and ``b:a`` are one."""
    return frozenset(factor.name.split(":"))


def _regrouped(factor: Factor, other: Fit) -> str | None:
    """Say how a factor of the same name groups the rows in another fit; None if there is none."""
    alike = [found for found in other.layout.factors if _pieces(found) == _pieces(factor)]
    for found in alike:
        if found.joint_name == factor.joint_name:
            return _level_counts(factor, found) or (
                f"{factor.name!r} groups the rows in another way in the two fits"
            )
    if alike:
        names = (factor.joint_name,) if factor.joint_name else factor.columns
        effects = ", ".join(map(repr, names))
        return f"only the smaller model has the random effects {effects} of {factor.name!r}"
    return None


def _level_counts(smaller: Factor, larger: Factor) -> str | None:
    one, other, name = smaller.n_levels, larger.n_levels, smaller.name
    if one == other:
        return None
    return f"{name!r} has {one} levels in the smaller model and {other} in the larger"


def _block(factor: Factor, sums: Floats | None) -> _Block:
    names = map(in_order, factor.columns)
    columns = SpanColumns(tuple(zip(factor.predictors, names, strict=True)), sums)
    terms = tuple(columns.take(component) for component in factor.covariance.components)
    return _Block(factor, columns, terms)
