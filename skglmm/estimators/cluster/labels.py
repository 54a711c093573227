"""Labels of rows in parts, and the parts that hold all rows of a level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Ints
from skglmm.design import DesignSpec, label_columns, learn, place_columns
from skglmm.engine import arrange, is_nested
from skglmm.estimators.cluster.rows import VettedRows, some_rows
from skglmm.estimators.reading.model import Model
from skglmm.exceptions import DesignError
from skglmm.parts import Parts

__all__ = ["Arranged", "arranged", "learn_labels", "regrouped"]

PART_ROWS = 250_000  # at least, of one part; smaller ones are mostly messages

Arranged = tuple[tuple[int, ...], int]


@dataclass(frozen=True)
class _Census:
    """For each key, which is some columns, a row of every combination of labels that it has."""

    tables: Mapping[tuple[str, ...], pd.DataFrame]

    def __add__(self, other: "_Census") -> "_Census":
        joined = {
            key: pd.concat([table, other.tables[key]], ignore_index=True)
            for key, table in self.tables.items()
        }
        return _Census({key: table.drop_duplicates(list(key)) for key, table in joined.items()})


def learn_labels(
    rows: Parts[VettedRows], meta: pd.DataFrame, model: Model, estimator: Any
) -> DesignSpec:
    """Learn codings and levels from the labels that occur."""
    smooths = [str(each) for formula in model.formulas.values() for each in formula.smooths]
    if smooths:
        msg = (
            f"{smooths[0]} learns its knots from all rows, which is not done on a cluster; fit "
            "rows in memory, or put columns into X first, as in X.assign(square=X.x**2)"
        )
        raise DesignError(msg)
    context = estimator.context
    texts = {"offsets": model.offsets, "context": context}
    labels = label_columns(meta, model.fixed, model.terms, **texts)
    groups = (bar.group for bar in model.bars if bar.group)
    places = (columns for term in model.terms if (columns := place_columns(term)))
    keys = list(dict.fromkeys([*groups, *places, *((name,) for name in labels)]))
    head = next(iter(rows.some([0]).map(_head)))
    tables = [head]
    if keys:
        census = rows.map(_census, keys=keys).total()
        tables += [_filled(head, table) for table in census.tables.values()]
    few = pd.concat(tables, ignore_index=True)
    spec, _ = learn(
        few,
        model.fixed,
        model.terms,
        offset=estimator.offset,
        without_intercept=model.without_intercept,
        numbers=model.numbers,
        all_named=model.all_named,
        relationships=estimator.relationships,
        **texts,
    )
    learned = [name for each in spec.specs.values() for name in each.states]
    if learned:
        msg = (
            f"{learned[0]!r} learns from all rows, which is not done on a cluster; put it into a "
            "column of X first, as in X.assign(centered=X.x - X.x.mean())"
        )
        raise DesignError(msg)
    return spec


def _head(rows: VettedRows) -> pd.DataFrame:
    return rows.frame.head(1)


def _census(rows: VettedRows, keys: Sequence[tuple[str, ...]]) -> _Census:
    # Missing values are found when designs are built, with the rows around them.
    labels = rows.frame[list(dict.fromkeys(name for key in keys for name in key))].dropna()
    return _Census({key: labels.drop_duplicates(list(key)) for key in keys})


def _filled(head: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the labels of a table, and the other columns of the first row."""
    rows = head.iloc[np.zeros(len(table), dtype=np.intp)].reset_index(drop=True)
    return rows.assign(**{name: table[name].array for name in table.columns})


def arranged(rows: Parts[VettedRows], spec: DesignSpec, *, whole: bool) -> Arranged:
    def nested(f: int, g: int) -> bool:
        found = rows.map(_pairs, spec=spec, f=f, g=g).total()
        return bool(is_nested(*found.pairs, spec.levels[f].n_levels))

    return arrange(spec.layout, nested, whole=whole)


@dataclass(frozen=True)
class _Pairs:
    """The distinct pairs of levels of two factors."""

    pairs: tuple[Ints, Ints]

    def __add__(self, other: "_Pairs") -> "_Pairs":
        both = np.concatenate([self.pairs, other.pairs], axis=1)
        return _Pairs(tuple(np.unique(both, axis=1)))


def _pairs(rows: VettedRows, spec: DesignSpec, f: int, g: int) -> _Pairs:
    codes = np.stack([spec.levels[f].codes(rows.frame), spec.levels[g].codes(rows.frame)])
    return _Pairs(tuple(np.unique(codes, axis=1)))


def regrouped(rows: Parts[VettedRows], spec: DesignSpec, plan: Arranged) -> Parts[VettedRows]:
    """Bring all rows of each level of the chain to one part, unless they are there already."""
    order, n_nested = plan
    if not order or len(rows) == 1:
        return rows
    top = order[n_nested - 1]
    counts, occurrences = rows.map(_counts, spec=spec, f=top).total()
    if occurrences.max() <= 1:
        return rows
    n_rows = int(counts.sum())
    n_parts = min(len(rows), max(rows.n_threads, -(-n_rows // PART_ROWS)))
    owner = (np.cumsum(counts) - counts) * n_parts // n_rows
    return some_rows(rows.exchange(_cut, _join, n_parts, spec=spec, f=top, owner=owner))


def _counts(rows: VettedRows, spec: DesignSpec, f: int) -> tuple[Ints, Ints]:
    counts = np.bincount(spec.levels[f].codes(rows.frame), minlength=spec.levels[f].n_levels)
    return counts, (counts > 0).astype(np.intp)


def _cut(rows: VettedRows, spec: DesignSpec, f: int, owner: Ints, n_parts: int) -> list[VettedRows]:
    part = owner[spec.levels[f].codes(rows.frame)]
    places = (np.flatnonzero(part == j) for j in range(n_parts))
    return [
        VettedRows(
            rows.frame.iloc[place],
            rows.y[place],
            None if rows.weights is None else rows.weights[place],
        )
        for place in places
    ]


def _join(pieces: Sequence[VettedRows]) -> VettedRows:
    frames, responses, weights = zip(*pieces, strict=True)
    return VettedRows(
        pd.concat(frames, ignore_index=True),
        np.concatenate(responses),
        None if weights[0] is None else np.concatenate(weights),
    )
