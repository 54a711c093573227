"""Data frames as tables to print and to typeset."""

from dataclasses import dataclass
from math import isnan
from numbers import Integral, Real
from typing import Any

import numpy as np

from skglmm.inference.report.frames import Frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["FrameTable", "ModelTable", "of_frame"]

_HEADS = {
    "p_value": "p",
    "lr_p_value": "p",
    "lr_statistic": "LR",
    "std_error": "std. error",
    "std_dev": "std. dev.",
    "aic": "AIC",
    "aicc": "AICc",
    "caic": "cAIC",
    "bic": "BIC",
}
_ABSENT = "-"


@dataclass(frozen=True, repr=False)
class FrameTable(Printed):
    r"""A data frame that goes into a paper.

    Parameters
    ----------
    table : Table
    frame : DataFrame

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm.model_selection import frame_table
    >>> table = frame_table(pd.DataFrame({"p_value": [0.01234]}, index=["x"]), title="Tests")
    >>> print(table.to_latex(floating=False))
    \begin{tabular}{lr}
    \toprule
     & $p$ \\
    \midrule
    x & 0.012 \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    """

    table: Table
    frame: Frame

    def _page(self) -> Page:
        return Page((self.table,))

    def to_frame(self) -> Frame:
        """Return the data frame."""
        return self.frame


@dataclass(frozen=True, repr=False)
class ModelTable(Printed):
    """Models side by side; prints as a table.

    Parameters
    ----------
    names : tuple of str
        Of the models.
    table : Table
        As it prints.
    frame : DataFrame
    notes : tuple of str, default=()

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import model_table
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> table = model_table([model], names=["A"])
    >>> table.to_frame().loc["Mean, logit scale", "A"]["estimate"].round(3).to_dict()
    {'Intercept': -5.182, 'EP': 0.011}
    """

    names: tuple[str, ...]
    table: Table
    frame: Frame
    notes: tuple[str, ...] = ()

    def to_frame(self) -> Frame:
        """Return the numbers of the estimates that are shown.

        Returns
        -------
        DataFrame
            One row for each estimate, its index section and name; columns model, and estimate,
            std_error, conf_low, conf_high, p_value of each.
        """
        return self.frame

    def _page(self) -> Page:
        return Page((self.table,), notes=self.notes)


def of_frame(frame: Frame, title: str = "", digits: int = 5) -> Table:
    """Return a data frame as a table, of which text in the first columns are the names.

    Parameters
    ----------
    frame : DataFrame
        Its index is shown unless it counts the rows.
    title : str
    digits : int
        Significant digits of numbers; of p-values there are two.
    """
    counts = frame.index.names == [None] and list(frame.index) == list(range(len(frame)))
    levels = [] if counts else [frame.index.get_level_values(i) for i in range(frame.index.nlevels)]
    names = [] if counts else [name or "" for name in frame.index.names]
    heads = [*names, *frame.columns]
    columns = [*levels, *(frame.iloc[:, j] for j in range(frame.shape[1]))]
    are_text = [not all(isinstance(cell, Real) for cell in column) for column in columns]
    n_names = max(len(levels), (*are_text, False).index(False))
    cells = [
        [_cell(cell, 2 if str(head).endswith("p_value") else digits) for cell in column]
        for head, column in zip(heads, columns, strict=True)
    ]
    shown = tuple(_HEADS.get(str(head), str(head).replace("_", " ")) for head in heads)
    return Table(title, shown, tuple(zip(*cells, strict=True)), n_names)


def _cell(value: Any, digits: int) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or (isinstance(value, Real) and isnan(value)):
        return _ABSENT
    if isinstance(value, Integral) or not isinstance(value, Real):
        return str(value)
    return f"{value:#.{digits}g}".removesuffix(".")  # with zeros at the end
