"""What becomes of a model without each of its terms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skglmm.inference.report.frames import Frame, named_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["Dropped", "DroppedTerms"]

NONE = "<none>"  # R's word for the model with all of its terms


class Dropped(NamedTuple):
    """A model without one of its terms.

    Parameters
    ----------
    term : str
        As coefficients are called, ``"zero(x)"``; ``"x in (1 + x | g)"`` for one effect of several.
    df : float
        Number of parameters that it takes; NaN for the whole model.
    aic, log_likelihood : float
        Of the model without it.
    statistic, p_value : float, default=nan
        Of the likelihood-ratio test; NaN where there is none.
    method : str, default=""
        Where the p-value comes from, see `likelihood_ratio_test`.
    converged : bool, default=True
        Whether the fit without it converged.
    note : str, default=""
        Why there is no test; empty where there is one.
    """

    term: str
    df: float
    aic: float
    log_likelihood: float
    statistic: float = np.nan
    p_value: float = np.nan
    method: str = ""
    converged: bool = True
    note: str = ""


@dataclass(frozen=True, repr=False)
class DroppedTerms(Printed):
    """What becomes of a model without each of its terms; prints as a table.

    Parameters
    ----------
    formula : str
        Of the whole model.
    aic, log_likelihood : float
        Of the whole model, by maximum likelihood.
    terms : tuple of Dropped
    notes : tuple of str, default=()
        Findings in words.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import drop1
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + SG + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> drop1(model, X, y).to_frame()[["df", "aic", "lr_statistic"]].round(2)
             df     aic  lr_statistic
    <none>  NaN  176.69           NaN
    EP      1.0  244.92         70.23
    SG      1.0  181.54          6.85
    """

    formula: str
    aic: float
    log_likelihood: float
    terms: tuple[Dropped, ...]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> Frame:
        """Return one row for the whole model and one for each term, by their names.

        Returns
        -------
        DataFrame
            Columns df, aic, log_likelihood, lr_statistic, lr_p_value, lr_method and converged.
        """
        whole = Dropped(NONE, np.nan, self.aic, self.log_likelihood)
        return named_frame({each.term: dict(_cells(each)) for each in (whole, *self.terms)})

    def _page(self) -> Page:
        whole = (NONE, "", f"{self.aic:.2f}", f"{self.log_likelihood:.3f}", "", "")
        rows = [
            (
                each.term,
                f"{each.df:.0f}",
                f"{each.aic:.2f}",
                f"{each.log_likelihood:.3f}",
                _written(each.statistic, ".3f"),
                _written(each.p_value, ".2g"),
            )
            for each in self.terms
        ]
        heads = ("", "df", "AIC", "log likelihood", "LR", "p")
        table = Table(f"Single terms left out of {self.formula}", heads, (whole, *rows), 1)
        return Page((table,), notes=self.notes)


def _written(value: float, digits: str) -> str:
    return "-" if np.isnan(value) else format(value, digits)


def _cells(term: Dropped) -> Iterator[tuple[str, Any]]:
    yield "df", term.df
    yield "aic", term.aic
    yield "log_likelihood", term.log_likelihood
    yield "lr_statistic", term.statistic
    yield "lr_p_value", term.p_value
    yield "lr_method", term.method
    yield "converged", term.converged
