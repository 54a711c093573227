"""Estimates of any kind as columns of one table."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Floats

__all__ = ["Estimates", "estimates", "joined"]

Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Estimates:
    """Estimates of any kind, one in each of m rows.

    Parameters
    ----------
    effect, component, group, level, term : ndarray of object, shape (m,)
        Kind of estimate, linear predictor, grouping factor, label of the level and name; None
        where there is none.
    estimate, std_error, df, statistic, p_value, low, high : ndarray, shape (m,)
        NaN where there is none.
    """

    effect: Texts
    component: Texts
    group: Texts
    level: Texts
    term: Texts
    estimate: Floats
    std_error: Floats
    df: Floats
    statistic: Floats
    p_value: Floats
    low: Floats
    high: Floats


def estimates(effect: str, term: Collection[str], estimate: Floats, **columns: Any) -> Estimates:
    """Return as many rows as there are terms; columns that are not given are empty."""

    def texts(value: Any) -> Texts:
        filled = np.empty(len(term), dtype=object)
        filled[:] = value
        return filled

    def numbers(name: str) -> Floats:
        return np.array(np.broadcast_to(columns.get(name, np.nan), len(term)), dtype=np.float64)

    return Estimates(
        effect=texts(effect),
        component=texts(columns.get("component")),
        group=texts(columns.get("group")),
        level=texts(columns.get("level")),
        term=texts(term),
        estimate=estimate,
        std_error=numbers("std_error"),
        df=numbers("df"),
        statistic=numbers("statistic"),
        p_value=numbers("p_value"),
        low=numbers("low"),
        high=numbers("high"),
    )


def joined(parts: Iterable[Estimates]) -> Estimates:
    """Return the rows of all parts, of which there may be none."""
    every = [estimates("", (), np.zeros(0)), *parts]
    names = [field.name for field in fields(Estimates)]
    return Estimates(*(np.concatenate([getattr(part, name) for part in every]) for name in names))
