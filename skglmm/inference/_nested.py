"""What a larger model has beyond a smaller one, and why it is not an extension of it.

Models are compared by the names of their coefficients, grouping factors and effects, and by
which effects may be correlated; a model is nested in another if that has all of these. The order
within an interaction, ``a:b`` or ``b:a``, does not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skglmm.design import Factor
from skglmm.fitting import Fit

__all__ = ["Addition", "addition", "obstacle"]

_Effect = tuple[int, str]  # the linear predictor that it feeds, and its name
_Pair = frozenset[_Effect]
_TIMES = re.compile(r":(?![^\[]*\])")  # of an interaction, not of a label in brackets


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
    """

    n_fixed: int
    effects: tuple[str, ...]
    n_joined: int
    n_freed: int

    @property
    def n_params(self) -> int:
        """Number of parameters."""
        return self.n_fixed + len(self.effects) + self.n_joined + self.n_freed


class _Block(NamedTuple):
    """The effects of one grouping factor."""

    factor: Factor
    effects: frozenset[_Effect]
    pairs: frozenset[_Pair]  # those that may be correlated


def obstacle(smaller: Fit, larger: Fit) -> str | None:
    """Return why one model is not nested in the other; None if it is.

    Parameters
    ----------
    smaller, larger : Fit
        To the same responses.

    Returns
    -------
    str or None
        A clause, to go on after a colon.
    """
    return next(_obstacles(smaller, larger), None)


def addition(smaller: Fit, larger: Fit) -> Addition:
    """Return what the larger model adds.

    Parameters
    ----------
    smaller, larger : Fit
        Of which the first is nested in the second, see `obstacle`.
    """
    before, after = _blocks(smaller), _blocks(larger)
    effects, n_joined, n_freed = [], 0, 0
    for key, block in after.items():
        known = before[key].effects if key in before else frozenset()
        pairs = block.pairs - (before[key].pairs if key in before else frozenset())
        freed = sum(pair <= known for pair in pairs)
        n_freed, n_joined = n_freed + freed, n_joined + len(pairs) - freed
        effects += [f"{name} | {block.factor.name}" for _, name in sorted(block.effects - known)]
    n_fixed = len(_coefficients(larger)) - len(_coefficients(smaller))
    return Addition(n_fixed, tuple(effects), n_joined, n_freed)


def _obstacles(smaller: Fit, larger: Fit) -> Iterator[str]:
    yield from _other_family(smaller, larger)
    missing = [name for name in _coefficients(smaller) if name not in _coefficients(larger)]
    if missing:
        named = ", ".join(f"{name!r} of the {predictor}" for predictor, name in missing)
        yield f"only the smaller model has the fixed effect {named}"
    before, after = _blocks(smaller), _blocks(larger)
    for key, block in before.items():
        if key not in after:
            yield f"only the smaller model has random effects of {block.factor.name!r}"
        else:
            yield from _obstacles_of_factor(block, after[key])
    if addition(smaller, larger).n_params == 0:
        yield "both are the same model, so there is nothing to test"


def _other_family(smaller: Fit, larger: Fit) -> Iterator[str]:
    one, other = type(smaller.family).__name__, type(larger.family).__name__
    if one != other:
        yield f"the families differ, {one} and {other}"
    triples = zip(smaller.layout.predictors, smaller.family.links, larger.family.links, strict=True)
    for predictor, left, right in triples:
        if left != right:
            yield f"the links of the {predictor} differ, {left.name} and {right.name}"
    if smaller.family != larger.family:
        yield f"the families differ, {smaller.family} and {larger.family}"


def _obstacles_of_factor(smaller: _Block, larger: _Block) -> Iterator[str]:
    name, counts = smaller.factor.name, (smaller.factor.n_levels, larger.factor.n_levels)
    if counts[0] != counts[1]:
        yield f"{name!r} has {counts[0]} levels in the smaller model and {counts[1]} in the larger"
    missing = [repr(effect) for _, effect in sorted(smaller.effects - larger.effects)]
    if missing:
        yield f"only in the smaller model {', '.join(missing)} varies over {name!r}"
    for pair in smaller.pairs - larger.pairs:
        effects = " and ".join(repr(effect) for _, effect in sorted(pair))
        yield f"only in the smaller model {effects} of {name!r} may be correlated"
    for block in (smaller, larger):
        n_free = len(block.effects) + len(block.pairs)
        covariance, other = block.factor.covariance, larger.factor.covariance
        if covariance.n_params != n_free and smaller.factor.covariance != other:
            kind = type(covariance).__name__
            yield f"covariances of the kind {kind}, as of {name!r}, are no part of others"


def _coefficients(fit: Fit) -> list[tuple[str, str]]:
    """Predictor and name of the fixed effects that were estimated."""
    parts = zip(fit.layout.predictors, fit.layout.coefficients, fit.aliased, strict=True)
    return [
        (predictor, _in_order(name))
        for predictor, names, aliased in parts
        for j, name in enumerate(names)
        if j not in aliased
    ]


def _in_order(name: str) -> str:
    """The name of an interaction with its parts sorted."""
    return ":".join(sorted(_TIMES.split(name)))


def _blocks(fit: Fit) -> dict[frozenset[str], _Block]:
    """The effects of each grouping factor; ``a:b`` and ``b:a`` are one factor."""
    return {frozenset(f.name.split(":")): _block(f) for f in fit.layout.factors}


def _block(factor: Factor) -> _Block:
    effects = list(zip(factor.predictors, map(_in_order, factor.columns), strict=True))
    mask = factor.covariance.mask.astype(float)
    rows, columns = np.nonzero(np.tril(mask @ mask.T, -1))
    pairs = (frozenset([effects[i], effects[j]]) for i, j in zip(rows, columns, strict=True))
    return _Block(factor, frozenset(effects), frozenset(pairs))
