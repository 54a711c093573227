"""Rows of dask collections, vetted where they are."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.estimators.reading.validation import check_weights
from skglmm.parts import Parts, Remote, is_dask

__all__ = ["VettedRows", "check_partitions", "n_rows_of", "read_rows", "some_rows"]


class VettedRows(NamedTuple):
    """Some rows of positive weight, vetted."""

    frame: pd.DataFrame
    y: Any
    weights: Floats | None


def check_partitions(X: Any, y: Any, weights: Any) -> None:
    if not hasattr(X, "columns"):
        msg = (
            f"expected X to be a dask DataFrame, got a dask {type(X).__name__}, which has no names "
            "of columns; make one with dask.dataframe.from_dask_array(X, columns=[...])"
        )
        raise TypeError(msg)
    for name, data in (("y", y), ("sample_weight", weights)):
        if data is None and name == "sample_weight":
            continue
        if not is_dask(data) or not hasattr(data, "to_delayed") or getattr(data, "ndim", 0) != 1:
            msg = (
                f"X is a dask DataFrame, so {name} must be a dask Series with the same partitions, "
                f"not {type(data).__name__}; take it from a column: {name} = X.pop(...)"
            )
            raise TypeError(msg)
        if data.npartitions != X.npartitions:
            msg = (
                f"X has {X.npartitions} partitions and {name} has {data.npartitions}; take it from "
                f"a column of the same frame: {name} = X.pop(...)"
            )
            raise ValueError(msg)


def read_rows(
    client: Any, X: Any, y: Any, weights: Any, vet: Callable[[str, Any], Any]
) -> Remote[VettedRows]:
    from dask.delayed import delayed  # noqa: PLC0415  # an extra

    columns = [X.to_delayed(), y.to_delayed()]
    columns.append([None] * X.npartitions if weights is None else weights.to_delayed())
    vetted = delayed(_vetted, pure=False)
    return Remote.of(client, [vetted(*part, vet) for part in zip(*columns, strict=True)])


def _vetted(
    frame: pd.DataFrame, y: Any, weights: Any, vet: Callable[[str, Any], Any]
) -> VettedRows:
    if not len(frame) == len(y) == len(y if weights is None else weights):
        msg = f"a partition of X has {len(frame)} rows and that of y has {len(y)}"
        raise ValueError(msg)
    if not len(frame):
        return VettedRows(frame, np.zeros(0), None if weights is None else np.zeros(0))
    response = vet("fit", y)
    if weights is None:
        return VettedRows(frame, response, None)
    mass = np.asarray(weights, dtype=np.float64)
    check_weights(np.append(mass, 1.0), len(response) + 1)  # a part may weigh nothing
    kept = mass > 0
    return VettedRows(frame.loc[kept], response[kept], mass[kept])


def some_rows(rows: Parts[VettedRows]) -> Parts[VettedRows]:
    """Drop parts without rows."""
    sizes = list(rows.map(n_rows_of))
    if not any(sizes):
        msg = "X has 0 rows of positive weight; a fit needs some"
        raise ValueError(msg)
    return rows.some([place for place, size in enumerate(sizes) if size])


def n_rows_of(rows: VettedRows) -> int:
    return len(rows.y)
