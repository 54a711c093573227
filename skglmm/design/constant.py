"""Columns without a spread, of which some transforms cannot be made."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from skglmm.design.names import uses
from skglmm.exceptions import DesignError

__all__ = ["constant_column"]

_SPREAD = re.compile(r"\b(scale|standardize|poly|bs|cr|cs|cc)\(")  # what needs one


def constant_column(
    expression: str | None, data: pd.DataFrame, context: Mapping[str, Any]
) -> DesignError | None:
    """Return an error that names the constant column of an expression that failed, or None."""
    if expression is None or not _SPREAD.search(expression):
        return None
    for name in uses(f"{{{expression}}}", data.columns, context):
        values = data[name]
        if pd.api.types.is_numeric_dtype(values) and values.min() == values.max():
            return DesignError(
                f"the expression {expression!r} cannot be evaluated: the column {name!r} is "
                f"constant, {float(values.iloc[0])!r} in all rows, and has no spread to divide by "
                "or to put knots in; take the term out"
            )
    return None
