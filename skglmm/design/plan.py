"""Which texts of a model make which matrix: predictors, terms by grouping factor, offsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from skglmm.design.offsets import offset_text
from skglmm.design.structures import RELATED, is_indexed, place_names

__all__ = ["ModelPlan", "Term", "blocks", "place_columns"]


class Term(NamedTuple):
    """A random-effects term: effects that vary over the levels of a grouping factor.

    `effects` is a one-sided formula, `group` the columns of the grouping factor, and
    `predictor` the linear predictor that the effects are added to, the first one by default. Terms
    of one factor with the same `key` are correlated with each other. `structure` is the word of
    formulas for how the effects vary together, and `argument` what it needs beside them.
    """

    effects: str
    group: tuple[str, ...]
    structure: str = "us"
    argument: str = ""
    predictor: str | None = None
    key: str | None = None


def place_columns(term: Term) -> tuple[str, ...]:
    """Return the columns whose distinct times or places are a term's effects, or none."""
    return tuple(place_names(term.effects, term.structure)) if _is_at_places(term) else ()


@dataclass(frozen=True)
class ModelPlan:
    """Which texts make which matrix: predictors, terms by grouping factor, and offsets."""

    predictors: tuple[str, ...]
    merged: tuple[tuple[Term, ...], ...]
    offsets: tuple[tuple[str, ...], ...]
    added: tuple[float | None, ...]
    all_named: bool

    @classmethod
    def of(
        cls,
        fixed: Mapping[str, str],
        terms: Sequence[Term],
        offsets: Mapping[str, Sequence[str | float]] | None,
        *,
        all_named: bool = False,
    ) -> "ModelPlan":
        """Return the plan of a model; `offsets` are expressions and numbers of some predictors."""
        given, first = offsets or {}, next(iter(fixed))
        placed = [t._replace(predictor=first) if t.predictor is None else t for t in terms]
        parts = [given.get(k, ()) for k in fixed]
        texts = tuple(tuple(each for each in part if isinstance(each, str)) for part in parts)
        numbers = ([each for each in part if not isinstance(each, str)] for part in parts)
        added = tuple(sum(part) if part else None for part in numbers)
        return cls(tuple(fixed), _merge(placed), texts, added, all_named)

    def texts(self, fixed: Mapping[str, str]) -> dict[str, str]:
        """Return the text of each matrix."""
        effects = [t.effects for terms in self.merged for t in terms if not _is_at_places(t)]
        keys = [key for keys in self.effect_keys() for key in keys]
        texts = dict(zip([*self.fixed_keys(), *keys], [*fixed.values(), *effects], strict=True))
        shifts = self.offset_texts().items()
        return texts | {key: offset_text(expressions) for key, expressions in shifts}

    def fixed_keys(self) -> tuple[str, ...]:
        """Return the key of the matrix of each predictor."""
        return tuple(f"fixed{index}" for index in range(len(self.predictors)))

    def offset_texts(self) -> dict[str, tuple[str, ...]]:
        """Return the expressions of each matrix of offsets."""
        return {f"offset{k}": found for k, found in enumerate(self.offsets) if found}

    def offset_keys(self) -> list[tuple[str, ...]]:
        """Return the key of the matrix of the offsets of each predictor, or none."""
        return [(f"offset{k}",) if found else () for k, found in enumerate(self.offsets)]

    def effect_keys(self) -> list[tuple[str, ...]]:
        """Return the keys of the matrices of each factor, one for each term with one."""
        return [
            tuple(f"effects{i}_{place}" for place, t in enumerate(terms) if not _is_at_places(t))
            for i, terms in enumerate(self.merged)
        ]


def _merge(terms: Sequence[Term]) -> tuple[tuple[Term, ...], ...]:
    """Return the terms of each grouping factor, in the order of the first of them.

    Terms of one key follow the first of them; those of which each row has one effect stand alone.
    """
    merged: dict[object, list[Term]] = {}
    for place, term in enumerate(terms):
        key = place if is_indexed(term.structure) else frozenset(term.group)
        merged.setdefault(key, []).append(term)
    return tuple(tuple(chain.from_iterable(blocks(found))) for found in merged.values())


def blocks(terms: Sequence[Term]) -> list[list[Term]]:
    """Return the terms whose effects are correlated with each other together."""
    blocks: dict[object, list[Term]] = {}
    for place, term in enumerate(terms):
        blocks.setdefault(term.key or place, []).append(term)
    return list(blocks.values())


def _is_at_places(term: Term) -> bool:
    """Return whether a term's effects are those of times or places, and have no matrix."""
    return is_indexed(term.structure) and term.structure != RELATED
