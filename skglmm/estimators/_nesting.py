"""Labels that two grouping factors share without the model saying so: implicit nesting."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, DesignSpec
from skglmm.estimators._warnings import tell
from skglmm.exceptions import ImplicitNestingWarning
from skglmm.fitting import Fit
from skglmm.inference import likeness, pearson_residuals

__all__ = ["tell_nesting"]

ALIKE = 0.05  # intraclass correlation of the residuals of a cell that is worth a warning
SURE = 5.0  # and its distance from zero, in standard deviations


def tell_nesting(
    fit: Fit, spec: DesignSpec, design: Design, frame: pd.DataFrame, unit: Floats
) -> None:
    """Warn where a grouping label seems to mean something else under each level of another factor.

    Sites a, b and c of every mountain range look like three sites that all ranges share. The
    counts alone cannot tell this from subjects that truly meet the same items; what can is
    that rows of the same range *and* site resemble each other more than the two factors
    explain. So a warning needs reused labels and residuals that are alike within the cells.
    """
    codes = _single_factors(spec, design, frame)
    groups = {columns[0] for columns in spec.group_variables if len(columns) == 1}
    pairs = [
        pair
        for pair in combinations(codes, 2)
        if groups.intersection(pair) and not _are_joined(spec, pair) and _is_reused(codes, pair)
    ]
    residuals = pearson_residuals(fit, design, unit) if pairs else unit
    for pair in pairs:
        alike, sure = likeness(residuals - residuals.mean(), _cells(codes, pair))
        if alike > ALIKE and sure > SURE:
            tell(_sentence(spec, codes, pair, groups), ImplicitNestingWarning)


def _single_factors(spec: DesignSpec, design: Design, frame: pd.DataFrame) -> dict[str, Ints]:
    """Codes of the grouping factors of one column, and of categorical fixed effects."""
    codes = {
        columns[0]: code
        for columns, code in zip(spec.group_variables, design.codes, strict=True)
        if len(columns) == 1
    }
    if not codes:
        return {}
    for name in spec.fixed_parts.columns:
        if name not in codes and spec.columns[name].labels is not None:
            codes[name] = pd.factorize(frame[name])[0].astype(np.intp, copy=False)
    return codes


def _are_joined(spec: DesignSpec, pair: tuple[str, str]) -> bool:
    return any(set(pair) <= set(columns) for columns in spec.group_variables)


def _cells(codes: Mapping[str, Ints], pair: tuple[str, str]) -> Ints:
    left, right = (codes[name] for name in pair)
    return np.asarray(pd.factorize(left * (int(right.max()) + 1) + right)[0], dtype=np.intp)


def _is_reused(codes: Mapping[str, Ints], pair: tuple[str, str]) -> bool:
    """Return whether the levels of both factors meet several levels of the other."""
    first = np.unique(_cells(codes, pair), return_index=True)[1]
    return all(np.bincount(codes[name][first]).min() >= 2 for name in pair)


def _sentence(
    spec: DesignSpec, codes: Mapping[str, Ints], pair: tuple[str, str], groups: set[str]
) -> str:
    inner, outer = sorted(pair, key=lambda name: (name not in groups, int(codes[name].max())))
    label = next(_labels(spec, inner))
    return (
        f"the levels of {inner!r}, such as {label!r}, occur under several levels of {outer!r}, "
        f"and rows that share both are more alike than the two explain. If {inner} {label!r} of "
        f"one {outer} is not that of another, write (1 | {outer}/{inner}) or "
        f"(1 | {outer}:{inner}) in place of (1 | {inner})"
    )


def _labels(spec: DesignSpec, name: str) -> Iterator[str]:
    for factor in spec.layout.factors:
        if factor.name == name:
            yield from map(str, factor.labels)
