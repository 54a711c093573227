r"""Wald tests of linear hypotheses about the fixed effects.

With estimates :math:`\hat\beta` and their covariance V, the hypothesis :math:`R \beta = q` of m
independent rows has :math:`(R \hat\beta - q)^T (R V R^T)^{-1} (R \hat\beta - q)`, a chi-square
variable with m degrees of freedom in large samples [1]_.

References
----------
.. [1] Wald, A. (1943). Tests of statistical hypotheses concerning several parameters when the
   number of observations is large. Transactions of the American Mathematical Society, 54(3),
   426-482.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skglmm.arrays import Bools, Floats, Ints
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.reference import f_tail, t_tail
from skglmm.inference.parameters.natural import Natural, coefficients, delta_covariance, infinite
from skglmm.inference.prediction.estimable import missed_by_sums
from skglmm.inference.report.framed import of_frame
from skglmm.inference.report.frames import named_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page

__all__ = ["WaldTest", "fixed_names", "wald_test"]

INDEPENDENT = 1e-9  # share of a constraint's variance that earlier ones must leave unexplained


@dataclass(frozen=True, repr=False)
class WaldTest(Printed):
    """A Wald test of linear constraints on the fixed effects.

    Parameters
    ----------
    statistic : float
        Chi-square; F where `df_denominator` is finite.
    df : int
        Number of constraints, m.
    p_value : float
    constraints : tuple of str, length m
    estimate, std_error : ndarray, shape (m,)
        Left-hand side less right-hand side of each constraint.
    relative_to : tuple of str
        Dropped columns whose coefficients count as 0 in what is tested: were others dropped in
        their place, it would be another hypothesis.
    df_denominator : float, default=inf
        Denominator degrees of freedom of an F statistic; infinite for chi-square.
    dfs : ndarray, shape (m,), or None, default=None
        Degrees of freedom of each constraint alone.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> print(model.wald_test("EP = 0.01"))
    Wald = 2.821 on 1 df, p = 0.093 (EP = 0.01)
    """

    statistic: float
    df: int
    p_value: float
    constraints: tuple[str, ...]
    estimate: Floats
    std_error: Floats
    relative_to: tuple[str, ...] = ()
    df_denominator: float = np.inf
    dfs: Floats | None = None

    def __str__(self) -> str:
        p_value = f"p = {self.p_value:.2g}" if self.p_value > 0 else "p < 1e-300"
        tested = ", ".join(self.constraints)
        if self.relative_to:
            tested += f"; given 0 for the dropped {', '.join(self.relative_to)}"
        if np.isinf(self.df_denominator):
            return f"Wald = {self.statistic:.3f} on {self.df} df, {p_value} ({tested})"
        on = f"{self.df} and {self.df_denominator:.2f} df"
        return f"F = {self.statistic:.3f} on {on}, {p_value} ({tested})"

    def _page(self) -> Page:
        return Page((of_frame(self.to_frame()),), (str(self),))

    def to_frame(self) -> Any:  # a DataFrame, which this floor does not know
        """Return one row for each constraint: estimate, std_error, statistic, p_value.

        Statistics are z, or t where there is a column df.
        """
        z, dfs = self.estimate / self.std_error, np.full(len(self.estimate), np.inf)
        columns: tuple[str, ...] = ("estimate", "std_error", "statistic", "p_value")
        if self.dfs is not None and np.isfinite(self.dfs).any():
            columns, dfs = ("estimate", "std_error", "df", "statistic", "p_value"), self.dfs
        found = {
            "estimate": self.estimate,
            "std_error": self.std_error,
            "df": dfs,
            "statistic": z,
            "p_value": t_tail(z, dfs),
        }
        rows = np.column_stack([found[name] for name in columns])
        return named_frame(
            {
                name: dict(zip(columns, row, strict=True))
                for name, row in zip(self.constraints, rows.tolist(), strict=True)
            }
        )


def fixed_names(fit: Fit) -> tuple[str, ...]:
    """Return the names of the fixed effects of all linear predictors, in the order of `vcov`.

    Parameters
    ----------
    fit : Fit
    """
    return tuple(parameter.name for parameter in _fixed(fit))


def wald_test(fit: Fit, matrix: Floats, values: Floats, df: str = "auto") -> WaldTest:
    """Test linear constraints ``matrix @ coefficients = values`` on the fixed effects.

    Parameters
    ----------
    fit : Fit
        With a covariance of its estimates.
    matrix : ndarray, shape (m, p)
        Columns in the order of `fixed_names`.
    values : ndarray, shape (m,)
    df : str
        What the statistic is compared with, see `reference`.

    Returns
    -------
    WaldTest

    Raises
    ------
    ValueError
        When a constraint involves no coefficient, or one without a standard error, or follows
        from or contradicts those before it.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import wald_test
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> print(wald_test(fit, np.array([[0.0, 1.0, 0.0]]), np.array([0.01])))
    Wald = 2.821 on 1 df, p = 0.093 (EP = 0.01)
    """
    against = reference(fit, df)
    fit, parameters = against.applied(), _fixed(fit)
    names = [parameter.name for parameter in parameters]
    constraints = tuple(_written(row, q, names) for row, q in zip(matrix, values, strict=True))
    covariance = delta_covariance(fit, parameters)
    dropped, missed = _dropped(fit), missed_by_sums(fit, matrix)
    lost = np.isnan(np.diag(covariance))
    _refuse_at_infinity(fit, parameters, lost & np.any(matrix != 0, axis=0))
    _refuse_undetermined(matrix, lost, dropped, missed, names)
    beta = np.array([parameter.value for parameter in parameters])
    estimate, spread = matrix @ beta - values, matrix @ np.nan_to_num(covariance) @ matrix.T
    std_error = np.sqrt(np.maximum(np.diag(spread), 0.0))
    _refuse_dependent(spread, std_error, constraints)
    z = estimate / std_error
    statistic = float(z @ np.linalg.solve(spread / np.outer(std_error, std_error), z))
    below, q = against.denominator(matrix), len(z)
    p_value = f_tail(below.scaling * statistic / q, q, below.df)
    if not np.isinf(below.df):
        statistic *= below.scaling / q
    relative = tuple(names[j] for j in dropped[missed.any(axis=0)])
    return WaldTest(
        *(statistic, q, p_value, constraints, estimate, std_error, relative, below.df),
        against.df(matrix),
    )


def _fixed(fit: Fit) -> list[Natural]:
    return [parameter for k in range(len(fit.beta)) for parameter in coefficients(fit, k)]


def _dropped(fit: Fit) -> Ints:
    """Places of the columns that were left out among all fixed effects."""
    starts = np.cumsum([0, *map(len, fit.beta)])
    pairs = zip(starts, fit.aliased, strict=False)
    return np.array([start + j for start, columns in pairs for j in columns], dtype=np.intp)


def _refuse_at_infinity(fit: Fit, parameters: Sequence[Natural], lost: Bools) -> None:
    """Refuse coefficients of separated rows: what a fit without them says can be tested."""
    pairs = zip(parameters, lost, strict=True)
    found = [repr(p.name) for p, gone in pairs if gone and infinite(fit, p)]
    if found:
        msg = (
            f"no Wald test of {', '.join(found)}: the estimate is at infinity. Test the term by "
            "likelihood_ratio_test(smaller, larger), with smaller fitted without it"
        )
        raise ValueError(msg)


def _refuse_undetermined(
    matrix: Floats, lost: Bools, dropped: Ints, missed: Bools, names: Sequence[str]
) -> None:
    used = np.any(matrix != 0, axis=0)
    open_ = missed.any(axis=1)  # in other constraints what was dropped may stand
    used[dropped] = np.any(matrix[open_][:, dropped] != 0, axis=0)
    found = [repr(name) for name, bad in zip(names, used & lost, strict=True) if bad]
    if found:
        msg = (
            f"the data do not determine {', '.join(found)}, which therefore cannot be tested; "
            "see the notes of summary()"
        )
        raise ValueError(msg)


def _refuse_dependent(spread: Floats, std_error: Floats, constraints: Sequence[str]) -> None:
    """Refuse constraints without coefficients, and those that earlier ones imply or exclude."""
    for i, constraint in enumerate(constraints):
        if std_error[i] == 0:
            msg = f"the constraint {constraint!r} involves no coefficient"
            raise ValueError(msg)
        correlations = spread[: i + 1, : i + 1] / np.outer(std_error[: i + 1], std_error[: i + 1])
        explained, *_ = np.linalg.lstsq(correlations[:i, :i], correlations[:i, i], rcond=None)
        if 1.0 - correlations[i, :i] @ explained < INDEPENDENT:
            msg = (
                f"the constraint {constraint!r} follows from {', '.join(constraints[:i])}, or "
                "contradicts it; leave one of them out"
            )
            raise ValueError(msg)


def _written(row: Floats, value: float, names: Sequence[str]) -> str:
    """A constraint as text, ``"a - 2 * b = 0"``."""
    text = ""
    for weight, name in zip(row, names, strict=True):
        if weight:
            sign = " - " if weight < 0 else " + "
            size = "" if abs(weight) == 1 else f"{abs(weight):g} * "
            text += f"{sign}{size}{name}"
    head = text.removeprefix(" + ").removeprefix(" - ") or "0"
    return f"{'-' if text.startswith(' - ') else ''}{head} = {value:g}"
