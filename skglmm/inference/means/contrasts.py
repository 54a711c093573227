"""Contrasts of means, with tests and intervals for all of them at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.inference.report.frames import columns_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["MeanContrasts", "value_text"]


@dataclass(frozen=True, repr=False, eq=False)
class MeanContrasts(Printed):
    """Contrasts of averages, differences or ratios.

    Parameters
    ----------
    title : str
        What they are of, on which scale.
    names : tuple of str
        Columns that say which contrast of what a row is.
    labels : tuple of tuple
        Values of these columns, row by row.
    estimate, std_error : ndarray, shape (m,)
        Differences, or ratios; NaN where the data do not determine them.
    df : ndarray, shape (m,)
        Degrees of freedom; infinite where statistics are z.
    statistic : ndarray, shape (m,)
        t or z, of ratios those of their logarithms.
    p_value, conf_low, conf_high : ndarray, shape (m,)
        Adjusted for the number of contrasts.
    adjust : str
        How.
    is_ratio : bool
    level : float
        Coverage of the limits.
    weights : ndarray, shape (m, n_means)
        Of the averages that are compared.
    notes : tuple of str, default=()

    Examples
    --------
    >>> from skglmm import LMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import marginal_means
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = LMMRegressor("EP + (1 | batch)").fit(X, y)
    >>> means = marginal_means(model, X, by="EP", at={"EP": [250, 350]})
    >>> means.contrasts("sequential")
    Contrasts
      contrast       estimate  std. error     df      t         p   2.5%  97.5%
      EP350 - EP250     15.76      0.5703  21.22  27.63  4.04e-18  14.57  16.94
    """

    title: str
    names: tuple[str, ...]
    labels: tuple[tuple[Any, ...], ...]
    estimate: Floats
    std_error: Floats
    df: Floats
    statistic: Floats
    p_value: Floats
    conf_low: Floats
    conf_high: Floats
    adjust: str
    is_ratio: bool
    level: float
    weights: Floats
    notes: tuple[str, ...] = ()

    def _page(self) -> Page:
        return Page((self._table(),), notes=self.notes)

    def to_frame(self) -> Any:  # a DataFrame, which this floor does not know
        """Return one row for each contrast.

        Columns are those that name it, estimate (or ratio), std_error, df, statistic, p_value,
        conf_low and conf_high.
        """
        numbers = {
            "ratio" if self.is_ratio else "estimate": self.estimate,
            "std_error": self.std_error,
            "df": self.df,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }
        return columns_frame(labeled(self.names, self.labels, numbers))

    def _table(self) -> Table:
        has_df = bool(np.isfinite(self.df).any())
        heads = [*self.names, "ratio" if self.is_ratio else "estimate", "std. error"]
        columns = [self.estimate, self.std_error]
        if has_df:
            heads, columns = [*heads, "df"], [*columns, self.df]
        heads += ["t" if has_df else "z", "p", *limit_heads(self.level)]
        columns += [self.statistic, self.p_value, self.conf_low, self.conf_high]
        cells = np.stack(columns, axis=1)
        places = {heads.index("p") - len(self.names): ".3g"}
        rows = tuple(
            (
                *map(str, names),
                *(value_text(value, places.get(j, ".4g")) for j, value in enumerate(row)),
            )
            for names, row in zip(self.labels, cells.tolist(), strict=True)
        )
        return Table(self.title, tuple(heads), rows, len(self.names))


def labeled(
    names: Sequence[str], labels: Sequence[Sequence[Any]], numbers: Mapping[str, Floats]
) -> dict[str, Any]:
    """Return columns of labels and numbers; a label called as numbers are gets a line below."""
    found: dict[str, Any] = {}
    for j, name in enumerate(names):
        found[f"{name}_" if name in numbers else name] = [row[j] for row in labels]
    return found | dict(numbers)


def limit_heads(level: float) -> tuple[str, str]:
    """Return what columns of limits are called."""
    return f"{50.0 - 50.0 * level:.4g}%", f"{50.0 + 50.0 * level:.4g}%"


def value_text(value: float, digits: str = ".4g") -> str:
    """Return a number as a cell of a table."""
    return "-" if np.isnan(value) else format(value, digits)
