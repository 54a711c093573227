"""Labels that two grouping factors share without the model saying so: implicit nesting."""

from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, DesignSpec
from skglmm.estimators._warnings import tell
from skglmm.exceptions import ImplicitNestingWarning
from skglmm.fitting import Fit
from skglmm.inference import likeness, pearson_residuals

__all__ = ["Reuse", "reused_labels", "tell_nesting"]

ALIKE = 0.02  # intraclass correlation of the residuals of a cell that is worth a warning
SURE = 5.0  # and its distance from zero, in standard deviations
LEANING = 2.0  # the same where a, b, c or 1, 2, 3 are labels within something that has names


class _Labeled(NamedTuple):
    """A factor of one column: the level of each row, and the texts of the levels."""

    codes: Ints
    labels: tuple[str, ...]


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
    counts alone cannot tell this from subjects that truly meet the same items. What can is
    that rows of the same range *and* site resemble each other more than the two factors
    explain. So a warning needs reused labels and residuals that are alike within the cells:
    beyond doubt, or clearly where one factor has running letters or numbers for labels and the
    other has names.
    """
    factors = _single_factors(spec, design, frame)
    groups = {columns[0] for columns in spec.group_variables if len(columns) == 1}
    pairs = [
        (inner, outer)
        for inner, outer in (_ordered(pair, factors, groups) for pair in combinations(factors, 2))
        if inner in groups
        and not _are_joined(spec, {inner, outer})
        and _is_reused(factors[inner], factors[outer])
    ]
    residuals = pearson_residuals(fit, design, unit) if pairs else unit
    for inner, outer in pairs:
        cells = _cells(factors[inner], factors[outer])
        alike, sure = likeness(residuals - residuals.mean(), cells)
        runs = _is_run(factors[inner].labels) and not _is_run(factors[outer].labels)
        if alike > ALIKE and sure > (LEANING if runs else SURE):
            yield Reuse(inner, outer, alike, _sentence(inner, outer, factors[inner].labels[0]))


def _single_factors(spec: DesignSpec, design: Design, frame: pd.DataFrame) -> dict[str, _Labeled]:
    """Return the grouping factors of one column, and the categorical fixed effects."""
    factors = {
        columns[0]: _Labeled(codes, tuple(map(str, factor.labels)))
        for columns, codes, factor in zip(
            spec.group_variables, design.codes, spec.layout.factors, strict=True
        )
        if len(columns) == 1
    }
    if not factors:
        return {}
    for name in spec.fixed_parts.columns:
        if name not in factors and spec.columns[name].labels is not None:
            codes, labels = pd.factorize(frame[name])
            factors[name] = _Labeled(codes.astype(np.intp), tuple(map(str, labels)))
    return factors


def _ordered(
    pair: tuple[str, str], factors: Mapping[str, _Labeled], groups: Collection[str]
) -> tuple[str, str]:
    """Return the factor whose labels may be reused, and the one within whose levels they are."""

    def rank(name: str) -> tuple[bool, bool, int]:
        labels = factors[name].labels
        return name not in groups, not _is_run(labels), len(labels)

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


def _are_joined(spec: DesignSpec, names: set[str]) -> bool:
    return any(names <= set(columns) for columns in spec.group_variables)


def _cells(inner: _Labeled, outer: _Labeled) -> Ints:
    combined = inner.codes * len(outer.labels) + outer.codes
    return np.asarray(pd.factorize(combined)[0], dtype=np.intp)


def _is_reused(inner: _Labeled, outer: _Labeled) -> bool:
    """Return whether the levels of both factors meet several levels of the other."""
    first = np.unique(_cells(inner, outer), return_index=True)[1]
    return all(np.bincount(factor.codes[first]).min() >= 2 for factor in (inner, outer))


def _sentence(inner: str, outer: str, label: str) -> str:
    return (
        f"the levels of {inner!r}, such as {label!r}, occur under several levels of {outer!r}, "
        f"and rows that share both are more alike than the two explain. If {inner} {label!r} of "
        f"one {outer} is not that of another, write (1 | {outer}/{inner}) or "
        f"(1 | {outer}:{inner}) in place of (1 | {inner})"
    )
