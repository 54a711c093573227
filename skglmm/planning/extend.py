"""Designs with more levels of a group, or fewer, or with another number of rows in each."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Ints
from skglmm.estimators.reading.frames import to_pandas
from skglmm.estimators.reading.validation import check_count
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.exceptions import DesignError

__all__ = ["extend"]


@single_threaded
def extend(
    design: Any,
    n: int,
    *,
    along: str | None = None,
    within: str | Sequence[str] | None = None,
    nested: Sequence[str] = (),
) -> pd.DataFrame:
    """Make a design longer or shorter: other numbers of groups, or of rows in each.

    What is added are copies of levels, or rows, in turn. So that arms stay balanced, levels are
    taken in an order in which those that are alike, by all columns that are constant within levels,
    follow each other as far apart as possible; likewise rows that are alike.

    Parameters
    ----------
    design : DataFrame
    n : int
        Number of levels of `along`, or of rows in each level of `within`.
    along : str, default=None
        Column of the groups whose number changes. Copies have new labels.
    within : str or list of str, default=None
        Column, or columns, of the groups whose rows are counted.
    nested : list of str, default=()
        Columns of groups that may be nested in `along`, or in `within`, as pupils are in schools.
        If no level is in two of these groups, copies get new labels.

    Returns
    -------
    DataFrame
        Rows that stay keep their order; copies follow. The index is that of places.

    Raises
    ------
    ValueError
        When neither or both of `along` and `within` are given, `n` is no whole number of at least
        1, or columns are not there (a DesignError).
    TypeError
        When the design is no frame.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm.planning import extend
    >>> design = pd.DataFrame({"site": [1, 1, 2, 2], "arm": ["a", "a", "b", "b"]})
    >>> extend(design, 3, along="site").T
          0  1  2  3  4  5
    site  1  1  2  2  3  3
    arm   a  a  b  b  a  a
    >>> extend(design, 1, within="site")
       site arm
    0     1   a
    1     2   b
    """
    check_count("n", n)
    if not hasattr(design, "columns"):
        msg = f"design is a {type(design).__name__}, expected a DataFrame, whose columns have names"
        raise TypeError(msg)
    frame = to_pandas(design).reset_index(drop=True)
    if (along is None) == (within is None):
        msg = f"give either along= or within=, got along={along!r} and within={within!r}"
        raise ValueError(msg)
    columns = [along] if along is not None else [within] if isinstance(within, str) else within
    assert columns is not None
    missing = [name for name in [*columns, *nested] if name not in frame.columns]
    if missing:
        msg = f"the design has no column {missing[0]!r}; it has {list(frame.columns)}"
        raise DesignError(msg)
    owner, names = _numbered(frame, list(columns))
    inner = [name for name in nested if name not in columns and _is_inside(frame[name], owner)]
    if along is not None:
        rows, turns = _levels(frame.drop(columns=[along]), owner, len(names), int(n))
        return _copied(frame, rows, turns, [along, *inner])
    rows, turns = _rows(frame, owner, len(names), int(n), inner)
    return _copied(frame, rows, turns, inner)


def _numbered(frame: pd.DataFrame, columns: list[str]) -> tuple[Ints, list[Hashable]]:
    """Number the levels by their first rows, (n,), and return them."""
    keys = frame.groupby(columns, sort=False, observed=True, dropna=False).ngroup().to_numpy()
    numbers, names = pd.factorize(keys)
    return np.asarray(numbers, dtype=np.intp), list(names)


def _is_inside(column: "pd.Series[Any]", owner: Ints) -> bool:
    """Whether no level of a column is in two groups."""
    return bool(pd.Series(owner).groupby(column.to_numpy()).nunique().max() <= 1)


def _levels(rest: pd.DataFrame, owner: Ints, n_levels: int, n: int) -> tuple[Ints, Ints]:
    """Return the rows of n levels, and the turn in which each level is taken: 0 for itself."""
    groups = rest.groupby(owner)
    between = [name for name in rest.columns if groups[name].nunique(dropna=False).max() == 1]
    alike = [name for name in between if groups[name].first().nunique(dropna=False) < n_levels]
    kinds = [tuple(row) for row in groups[alike].first().to_numpy().tolist()] if alike else None
    order = _spread(kinds or [()] * n_levels)
    taken = [order[place % n_levels] for place in range(n)]
    turns = np.arange(n) // n_levels
    members = [np.flatnonzero(owner == level) for level in range(n_levels)]
    first = np.sort(np.concatenate([members[level] for level in taken[:n_levels]]))
    more = taken[n_levels:]
    rows = np.concatenate([first, *(members[level] for level in more)])
    counts = [len(members[level]) for level in more]
    return rows, np.concatenate([np.zeros(len(first), int), np.repeat(turns[n_levels:], counts)])


def _rows(
    frame: pd.DataFrame, owner: Ints, n_groups: int, n: int, inner: Sequence[str]
) -> tuple[Ints, Ints]:
    """Return n rows of each group, and the turn in which each is taken."""
    alike = frame.drop(columns=list(inner))
    kept, copies, turns = [], [], []
    for group in range(n_groups):
        members = np.flatnonzero(owner == group)
        kinds = [tuple(row) for row in alike.iloc[members].to_numpy(dtype=object).tolist()]
        order = members[_spread(kinds)]
        places = np.arange(n)
        turn = places // len(order)
        taken = order[places % len(order)]
        kept.append(taken[turn == 0])
        copies.append(taken[turn > 0])
        turns.append(turn[turn > 0])
    first = np.sort(np.concatenate(kept))
    rows = np.concatenate([first, *copies])
    return rows, np.concatenate([np.zeros(len(first), int), *turns])


def _spread(kinds: Sequence[Hashable]) -> list[int]:
    """Return an order in which each kind is spread evenly."""
    counts = Counter(kinds)
    seen: dict[Hashable, int] = {}
    at = []
    for kind in kinds:
        seen[kind] = seen.get(kind, 0) + 1
        at.append((seen[kind] - 0.5) / counts[kind])
    return [int(place) for place in np.argsort(np.round(at, 12), kind="stable")]


def _copied(frame: pd.DataFrame, rows: Ints, turns: Ints, relabeled: Iterable[str]) -> pd.DataFrame:
    """Return rows, of which copies have new labels in some columns."""
    found = frame.iloc[rows].reset_index(drop=True)
    for name in relabeled:
        found[name] = _labels(frame[name], found[name], turns)
    return found


def _labels(known: "pd.Series[Any]", column: "pd.Series[Any]", turns: Ints) -> Any:
    """Return new labels of the rows of each turn but the first: numbers, or texts."""
    is_number = pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known)
    used, new, labels = set(known.tolist()), {}, []
    last = known.max() if is_number else 0
    for label, turn in zip(column.tolist(), turns.tolist(), strict=True):
        if turn and (label, turn) not in new:
            last = last + 1
            text = f"{label} ({turn + 1})"
            while text in used:
                text += "'"
            new[label, turn] = last if is_number else text
            used.add(new[label, turn])
        labels.append(new[label, turn] if turn else label)
    if isinstance(known.dtype, pd.CategoricalDtype):
        categories = [*known.cat.categories, *new.values()]
        return pd.Categorical(labels, categories=categories, ordered=known.cat.ordered)
    return pd.Series(labels, dtype=known.dtype if is_number else None)
