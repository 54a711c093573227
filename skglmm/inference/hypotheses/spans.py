"""Whether columns of one fit are combinations of those of another: by what they span, or names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats

__all__ = ["Effect", "SpanColumns", "in_order", "within_span"]

_TIMES = re.compile(r":(?![^\[]*\])")  # of an interaction, not of a label in brackets
Effect = tuple[int, str]  # the linear predictor that it feeds, and its name
MARGIN = 5  # sums more than columns: fewer could agree by chance where responses are few
OUTSIDE = 1e-7  # of a column's length: what is left of a combination is rounding, some 1e-12
FLAT = 1e-9  # of the largest singular value: directions of rounding


@dataclass(frozen=True)
class SpanColumns:
    """Columns of a fit, each of which feeds a linear predictor.

    Parameters
    ----------
    effects : tuple of (int, str)
        Predictor and name of each column.
    sums : ndarray, shape (m, n_columns), or None
        Signed sums of each column, see `Spaces`.
    """

    effects: tuple[Effect, ...]
    sums: Floats | None

    def take(self, places: Iterable[int]) -> "SpanColumns":
        """Return some of the columns."""
        chosen = list(places)
        sums = None if self.sums is None else self.sums[:, chosen]
        return SpanColumns(tuple(self.effects[c] for c in chosen), sums)

    def beside(self, others: "SpanColumns") -> "SpanColumns":
        """Return these columns and others after them, of one fit or of two to one response."""
        effects = self.effects + others.effects
        if self.sums is None or others.sums is None:
            return SpanColumns(effects, None)
        m = min(len(self.sums), len(others.sums))
        return SpanColumns(effects, np.hstack([self.sums[:m], others.sums[:m]]))

    def beyond(self, others: "SpanColumns") -> list[int]:
        """Return the places of columns that are no combinations of others."""
        missing: list[int] = []
        for mine, theirs in self._by_predictor(others):
            names, known = self.take(mine), others.take(theirs)
            missing += [
                c for c, found in zip(mine, names._are_within(known), strict=True) if not found
            ]
        return sorted(missing)

    def is_named(self, others: "SpanColumns") -> bool:
        """Return whether columns are told apart from others by their names alone."""
        return any(
            not others.take(theirs)._spans_are_known(self)
            for _, theirs in self._by_predictor(others)
        )

    def _by_predictor(self, others: "SpanColumns") -> Iterator[tuple[list[int], list[int]]]:
        for k in sorted({k for k, _ in self.effects}):
            yield (
                [c for c, (fed, _) in enumerate(self.effects) if fed == k],
                [c for c, (fed, _) in enumerate(others.effects) if fed == k],
            )

    def _are_within(self, others: "SpanColumns") -> list[bool]:
        if not others._spans_are_known(self):
            return [effect in others.effects for effect in self.effects]
        assert self.sums is not None
        assert others.sums is not None
        m = min(len(self.sums), len(others.sums))
        return [within_span(column, others.sums[:m]) for column in self.sums[:m].T]

    def _spans_are_known(self, others: "SpanColumns") -> bool:
        """Return whether there are enough sums to tell what lies in the span of these columns."""
        if self.sums is None or others.sums is None:
            return False
        return len(self.effects) + MARGIN <= min(len(self.sums), len(others.sums))


def in_order(name: str) -> str:
    """Return the name of an interaction with its parts sorted."""
    return ":".join(sorted(_TIMES.split(name)))


def within_span(column: Floats, others: Floats, length: float | None = None) -> bool:
    """Return whether a column is a combination of others, but for rounding.

    Parameters
    ----------
    column : ndarray, shape (m,)
    others : ndarray, shape (m, n_columns)
    length : float or None
        Rounding is a share of this; None for the length of the column.
    """
    lengths = np.linalg.norm(others, axis=0)
    left, sizes, _ = np.linalg.svd(
        others / np.where(lengths > 0, lengths, 1.0), full_matrices=False
    )
    basis = left[:, sizes > FLAT * sizes.max(initial=0.0)]
    rest = column - basis @ (basis.T @ column)
    whole = float(np.linalg.norm(column)) if length is None else length
    return bool(np.linalg.norm(rest) <= OUTSIDE * whole)
