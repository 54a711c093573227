"""How many columns a design may have: counted before they are made, when factors are known."""

from math import prod
from typing import Any

import pandas as pd
from formulaic.materializers import PandasMaterializer
from formulaic.parser.types import Factor

from skglmm.design.matrices.matrix import label_of
from skglmm.exceptions import DesignError

__all__ = ["Materializer", "refuse_parameters"]

MOST_COLUMNS = 5_000  # of all formulas of a model
MOST_PARAMETERS = 1_000  # of a covariance: those of 44 correlated effects


class Materializer(PandasMaterializer):  # type: ignore[misc]  # which is untyped
    """The one of formulaic, with a bound on the columns that it makes.

    Categories are counted before they are coded, and products before they are computed.
    """

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _encode_evaled_factor(
        self, factor: Any, spec: Any, drop_rows: Any, reduced_rank: bool = False
    ) -> Any:
        if factor.metadata.kind is Factor.Kind.CATEGORICAL:
            _refuse_columns(repr(label_of(factor.expr)), _n_levels(factor.values))
        return super()._encode_evaled_factor(factor, spec, drop_rows, reduced_rank)

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _get_columns_for_term(self, factors: Any, spec: Any, scale: float = 1) -> Any:
        count = prod(map(len, factors))
        _refuse_columns("a product", count)
        self._n_made = getattr(self, "_n_made", 0) + count
        _refuse_columns("the model", self._n_made)
        return super()._get_columns_for_term(factors, spec, scale)


def _n_levels(values: Any) -> int:
    series = pd.Series(getattr(values, "__wrapped__", values))
    return int(series.nunique())


def _refuse_columns(what: str, count: int) -> None:
    if count > MOST_COLUMNS:
        msg = (
            f"{what} makes {count} columns or more, {MOST_COLUMNS} at most; a category of many "
            "levels is a grouping factor, (1 | g)"
        )
        raise DesignError(msg)


def refuse_parameters(name: str, n_columns: int, n_params: int) -> None:
    """Refuse a grouping factor whose effects have too many variances and correlations."""
    if n_params > MOST_PARAMETERS:
        msg = (
            f"the {n_columns} effects of {name!r} have {n_params} variances and correlations, "
            f"{MOST_PARAMETERS} at most; write fewer effects, or uncorrelated ones, (x || {name})"
        )
        raise DesignError(msg)
