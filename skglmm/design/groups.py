"""Grouping factors: labels to integer codes, never to dummy columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skglmm.arrays import Ints
from skglmm.design.columns import Labels, kind_of, missing, numbers, pick
from skglmm.exceptions import DesignError

__all__ = ["Levels", "learn_labels"]

_ROLE = "grouping column"
_GROUPABLE = {"number", "boolean", "text", "date", "datetime", "period", "interval"}


@dataclass(frozen=True, eq=False)
class Levels:
    """The levels of a grouping factor: combinations of the labels of its columns that occur.

    Codes of two columns are combined as ``a * n_b + b`` and numbered again; `tables` holds
    the sorted combinations of each such step. Without columns all rows are one level.
    """

    columns: tuple[str, ...]
    labels: tuple[Labels, ...]
    tables: tuple[Ints, ...]

    @classmethod
    def learn(
        cls,
        columns: tuple[str, ...],
        learned: Mapping[str, tuple[Labels, Ints]],
        *,
        may_be_one: bool = False,
    ) -> tuple["Levels", Ints]:
        """Return the grouping factor of some learned columns, with the code of each row."""
        labels = tuple(learned[name][0] for name in columns)
        codes = learned[columns[0]][1]
        tables = []
        for name, later in zip(columns[1:], labels[1:], strict=True):
            codes, table = pd.factorize(codes * len(later.values) + learned[name][1], sort=True)
            tables.append(np.asarray(table, dtype=np.intp))
        found = cls(columns, labels, tuple(tables))
        if found.n_levels < 2 and not may_be_one:
            msg = (
                f"grouping factor {':'.join(columns)!r} has one level, {found.texts()[0]!r}; "
                "random effects need two or more"
            )
            raise DesignError(msg)
        return found, np.asarray(codes, dtype=np.intp)

    @classmethod
    def whole(cls, n_samples: int) -> tuple["Levels", Ints]:
        """Return one level of all rows, with their codes."""
        return cls((), (), ()), np.zeros(n_samples, dtype=np.intp)

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        if not self.columns:
            return 1
        return len(self.tables[-1]) if self.tables else len(self.labels[0].values)

    def texts(self) -> NDArray[np.object_]:
        """Return the text of each level, shape (n_levels,)."""
        if not self.columns:
            return np.array(["all"], dtype=object)
        if not self.tables:
            return _texts(self.labels[0])
        texts = _quoted(self.labels[0])
        for table, later in zip(self.tables, self.labels[1:], strict=True):
            first, second = np.divmod(table, len(later.values))
            texts = texts[first] + ":" + _quoted(later)[second]
        return texts

    def codes(self, frame: pd.DataFrame) -> Ints:
        """Return the level of each row, shape (n,); -1 for one that was not learned."""
        if not self.columns:
            return np.zeros(len(frame), dtype=np.intp)
        known = zip(self.columns, self.labels, strict=True)
        parts = [labels.codes(pick(frame, name), _ROLE) for name, labels in known]
        codes = parts[0]
        for table, later, part in zip(self.tables, self.labels[1:], parts[1:], strict=True):
            # -1 before gives a negative pair; -1 after would be the last label of another level
            pairs = np.where(part < 0, -1, codes * len(later.values) + part)
            codes = pd.Index(table).get_indexer(pd.Index(pairs))
        return np.asarray(codes, dtype=np.intp)

    def extended(self, frame: pd.DataFrame) -> "Levels":
        """Return the levels with those of other rows that are new after them."""
        if not self.columns:
            return self
        known = zip(self.columns, self.labels, strict=True)
        labels = tuple(part.extended(pick(frame, name), _ROLE) for name, part in known)
        codes, tables = labels[0].codes(pick(frame, self.columns[0]), _ROLE), []
        later = zip(self.tables, self.labels[1:], labels[1:], self.columns[1:], strict=True)
        for table, old, new, name in later:
            first, second = np.divmod(table, len(old.values))
            pairs = codes * len(new.values) + new.codes(pick(frame, name), _ROLE)
            kept = first * len(new.values) + second
            grown = np.concatenate([kept, np.setdiff1d(pairs, kept)])
            codes = pd.Index(grown).get_indexer(pd.Index(pairs))
            tables.append(np.asarray(grown, dtype=np.intp))
        return Levels(self.columns, labels, tuple(tables))


def _texts(labels: Labels) -> NDArray[np.object_]:
    texts = np.empty(len(labels.values), dtype=object)
    texts[:] = list(map(str, labels.values.tolist()))
    return texts


def _quoted(labels: Labels) -> NDArray[np.object_]:
    """Return texts that stay apart when colons join them to others: `12:30`:a, a:`b:c`."""
    texts = _texts(labels)
    for place, text in enumerate(texts):
        if ":" in text or text.startswith("`"):
            texts[place] = "`" + text.replace("`", "``") + "`"
    return texts


def learn_labels(series: "pd.Series[Any]", *, float_groups: bool) -> tuple[Labels, Ints]:
    """Return the labels of a grouping column and the code of each row."""
    missing(series, _ROLE)
    kind = kind_of(series)
    if kind not in _GROUPABLE:
        msg = (
            f"{_ROLE} {series.name!r} holds {kind} values; its labels must be all text, "
            "all whole numbers or all dates"
        )
        raise DesignError(msg)
    if pd.api.types.is_float_dtype(series.dtype):
        numbers(series, _ROLE)
        if not float_groups:
            msg = (
                f"{_ROLE} {series.name!r} holds floating-point numbers; labels of groups are text "
                "or whole numbers: convert it with astype(int) or astype(str)"
            )
            raise DesignError(msg)
    return Labels.learn(series, ordered=False)
