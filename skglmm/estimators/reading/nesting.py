"""Labels that two grouping factors share without the model saying so: implicit nesting."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Floats, Ints
from skglmm.design import Design, DesignSpec
from skglmm.estimators.runtime.warnings import tell
from skglmm.exceptions import ImplicitNestingWarning
from skglmm.fitting import Fit
from skglmm.formula import back_quoted

__all__ = ["Reuse", "reused_labels", "tell_nesting"]

ALIKE = 0.02  # intraclass correlation of the residuals of a cell that is worth a warning
SURE = 5.0  # and its distance from zero, in standard deviations
LEANING = 2.0  # the same where a, b, c or 1, 2, 3 are labels within something that has names
TWO = 2  # values of numbers that are conditions, such as 0 and 1
FIRST = 1024  # rows, in which there nearly always are more than two if there are anywhere
COUNTED = 4  # times as many pairs of levels as rows are counted, each
SHARE = 0.5  # of the levels of both factors, at least, meet several levels of the other


@dataclass(frozen=True, eq=False)
class _Labeled:
    """A factor of one column: the level of each row, the levels, its effect."""

    codes: Ints
    levels: Collection[Any]
    effect: str | None = None  # as formulas write it, of a fixed effect

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Texts of the levels."""
        return tuple(map(str, self.levels))

    @cached_property
    def is_run(self) -> bool:
        """Whether these are running letters or numbers."""
        return _is_run(self.labels)


@dataclass(frozen=True, eq=False)
class _Cells:
    """The pairs of levels of two factors that share rows.

    Parameters
    ----------
    keys : ndarray of int, shape (n,)
        Pair of each row, by numbers most of which may be of none.
    distinct : ndarray of int, shape (n_pairs,)
        The numbers of pairs that share rows, in order.
    meetings : tuple of ndarray of int
        How many levels of the other factor each level of the inner and of the outer one meets.
    """

    keys: Ints
    distinct: Ints
    meetings: tuple[Ints, Ints]

    @classmethod
    def of(cls, inner: _Labeled, outer: _Labeled) -> "_Cells":
        """Find the pairs: of few possible ones by counting."""
        size = len(outer.levels)
        keys = inner.codes * size + outer.codes
        if len(inner.levels) * size <= COUNTED * len(keys):
            distinct = np.flatnonzero(np.bincount(keys))
        else:  # sorting takes a fifth of the memory of a table of them
            ordered = np.sort(keys)
            distinct = ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]
        return cls(keys, distinct, (np.bincount(distinct // size), np.bincount(distinct % size)))

    @property
    def codes(self) -> Ints:
        """Pair of each row, (n,), by its place among those that share rows."""
        if len(self.distinct) and self.distinct[-1] < COUNTED * len(self.keys):
            places = np.zeros(self.distinct[-1] + 1, dtype=np.intp)
            places[self.distinct] = np.arange(len(self.distinct))
            return places[self.keys]
        order = np.argsort(self.keys)  # a search for each row takes three times as long
        ordered = self.keys[order]
        found = np.empty_like(order)
        found[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) > 0)
        return found

    @property
    def are_reused(self) -> bool:
        """Whether most levels of both factors meet several levels of the other."""
        return all(np.mean(counts >= TWO) >= SHARE for counts in self.meetings)


class Reuse(NamedTuple):
    """A label that seems to mean something else under each level of another factor."""

    inner: str
    outer: str
    alike: float  # intraclass correlation of residuals within cells
    sentence: str


def tell_nesting(
    fit: Fit, spec: DesignSpec, design: Design, frame: pd.DataFrame, unit: Floats
) -> None:
    """Warn where a grouping label seems to mean something else under each level of another."""
    for reuse in reused_labels(fit, spec, design, frame, unit):
        tell(reuse.sentence, ImplicitNestingWarning)


def reused_labels(
    fit: Fit, spec: DesignSpec, design: Design, frame: pd.DataFrame, unit: Floats
) -> Iterator[Reuse]:
    """Find grouping labels that seem to mean something else under each level of another factor.

    Sites a, b and c of every mountain range look like three sites that all ranges share, and
    counts alone cannot tell this from subjects that truly meet the same items or conditions. What
    can is that rows of the same range *and* site resemble each other more than the two factors
    explain. So a warning needs reused labels and residuals that are alike within the cells:
    beyond doubt, or clearly where one factor has running letters or numbers for labels and the
    other has names. Whether the sites are others in each range, or respond to it in their own
    ways, the data cannot tell; the sentence has both.
    """
    factors = _single_factors(spec, design, frame)
    groups = {columns[0] for columns in spec.group_variables if len(columns) == 1}
    residuals: Floats | None = None
    for pair in combinations(factors, 2):
        inner, outer = _ordered(pair, factors, groups)
        if inner not in groups or _are_joined(spec, inner, outer):
            continue
        cells = _Cells.of(factors[inner], factors[outer])
        if not cells.are_reused:
            continue
        if residuals is None:
            residuals = infer.pearson_residuals(fit, design, unit)
            residuals = residuals - residuals.mean()
        alike, sure = infer.likeness(residuals, cells.codes)
        runs = factors[inner].is_run and not factors[outer].is_run
        if alike > ALIKE and sure > (LEANING if runs else SURE):
            label = factors[inner].labels[int(np.argmax(cells.meetings[0] >= TWO))]
            effect, varying = factors[outer].effect, _has_slopes(spec, inner)
            sentence = _sentence(inner, outer, label, effect, varying=varying)
            yield Reuse(inner, outer, alike, sentence)


def _single_factors(spec: DesignSpec, design: Design, frame: pd.DataFrame) -> dict[str, _Labeled]:
    """Return the grouping factors of one column, and the fixed effects that are conditions."""
    factors = {
        columns[0]: _Labeled(codes, factor.labels)
        for columns, codes, factor in zip(
            spec.group_variables, design.codes, spec.layout.factors, strict=True
        )
        if len(columns) == 1
    }
    if not factors:
        return {}
    for name in spec.fixed_parts.columns:
        coded = spec.columns[name].labels is not None
        if name not in factors and (coded or _has_two(frame[name])):
            codes, labels = pd.factorize(frame[name])
            number = coded and pd.api.types.is_numeric_dtype(frame[name])
            effect = f"C({back_quoted(name)})" if number else back_quoted(name)
            factors[name] = _Labeled(codes.astype(np.intp), labels, effect)
    return factors


def _has_two(column: "pd.Series[Any]") -> bool:
    """Return whether a column of numbers has two values, of which most have more at once."""
    return len(set(column.iloc[:FIRST].tolist())) <= TWO and column.nunique() == TWO


def _ordered(
    pair: tuple[str, str], factors: Mapping[str, _Labeled], groups: Collection[str]
) -> tuple[str, str]:
    """Return the factor whose labels may be reused, and the one within whose levels they are."""

    def rank(name: str) -> tuple[bool, bool, int]:
        factor = factors[name]
        return name not in groups, not factor.is_run, len(factor.levels)

    inner, outer = sorted(pair, key=rank)
    return inner, outer


def _is_run(labels: Collection[str]) -> bool:
    """Return whether labels are letters from a or numbers from 0 or 1, after a common prefix."""
    start = len(_common_prefix(min(labels), max(labels)).rstrip("0123456789"))
    ends = sorted(label[start:].lower() for label in labels)
    if all(end.isdecimal() for end in ends):
        numbers = sorted(map(int, ends))
        return numbers[0] in {0, 1} and numbers == list(range(numbers[0], numbers[-1] + 1))
    return "".join(ends) == ascii_lowercase[: len(ends)]


def _common_prefix(left: str, right: str) -> str:
    pairs = zip(left, right, strict=False)
    return left[: next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))]


def _are_joined(spec: DesignSpec, inner: str, outer: str) -> bool:
    """Return whether a factor combines both, or the effect of one varies over the other."""
    if any({inner, outer} <= set(columns) for columns in spec.group_variables):
        return True
    pairs = zip(spec.group_variables, spec.effect_variables, strict=True)
    return any(columns == (inner,) and outer in effects for columns, effects in pairs)


def _has_slopes(spec: DesignSpec, inner: str) -> bool:
    """Return whether a factor has effects beside its intercept."""
    pairs = zip(spec.group_variables, spec.effect_variables, strict=True)
    return any(columns == (inner,) and effects for columns, effects in pairs)


def _sentence(inner: str, outer: str, label: str, effect: str | None, *, varying: bool) -> str:
    """Return the finding, and advice for either reading of the labels.

    Under a fixed effect labels mostly are subjects that were seen in several conditions; to nest
    these would compare conditions as if they had other subjects. Of a factor with slopes,
    `varying`, the effects stand as dots.
    """
    now = "…" if varying else "1"
    within, around = back_quoted(inner), back_quoted(outer)
    found = (
        f"the levels of {inner!r}, such as {label!r}, occur under several levels of {outer!r}, "
        "and rows that share both are more alike than the two explain. "
    )
    if effect is None:
        short = "" if varying else f", in short (1 | {around}/{within})"
        return found + (
            f"If {inner} {label!r} of one {outer} is not that of another, write "
            f"({now} | {around}:{within}) in place of ({now} | {within}){short}. "
            f"If it is the same in each, add (1 | {around}:{within})"
        )
    grown = f"… + {effect}" if varying else effect
    return found + (
        f"If {inner} {label!r} is the same in each {outer}, as a subject in several conditions, "
        f"let it respond to {outer} in its own way: ({grown} | {within}) in place of "
        f"({now} | {within}), or ({now} | {within}) + (1 | {within}:{around}). Only if it is "
        f"another one in each, write ({now} | {around}:{within}) in place of ({now} | {within})"
    )
