"""Analysis of variance tables: a test of each term of a formula."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import TermTable
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.reference import Reference, f_tail
from skglmm.inference.hypotheses.term_contrasts import term_contrasts
from skglmm.inference.parameters.smooth_tests import SmoothTest, smooth_tests
from skglmm.inference.report.frames import named_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["Anova", "TermTest", "anova"]

RANK = 1.5e-8  # of the largest eigenvalue: contrasts that follow from others
ROMAN = {1: "I", 2: "II", 3: "III"}


class TermTest(NamedTuple):
    """The test of one term.

    Parameters
    ----------
    term : str
    df : float
        Number of independent contrasts; of a smooth the rank of its test.
    df_denominator : float
        Infinite for a chi-square test.
    statistic : float
        F, or chi-square; NaN where a coefficient has no finite estimate.
    p_value : float
    mean_square : float
        Mean square: the F statistic, before it is scaled, times the residual variance; NaN where
        there is no single residual variance.
    """

    term: str
    df: float
    df_denominator: float
    statistic: float
    p_value: float
    mean_square: float


@dataclass(frozen=True, repr=False)
class Anova(Printed):
    """A test of each term of a formula.

    Parameters
    ----------
    type : int
        1, 2 or 3.
    df_method : str
        Where denominator degrees of freedom come from; "normal" for chi-square tests.
    tests : tuple of TermTest

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> print(BetaGLMMRegressor("EP + V10 + (1 | batch)", bounds=(0, 100)).fit(X, y).anova())
    Type III tests, Wald chi-square
           chi-square  df         p
      EP       520.79   1  2.8e-115
      V10      166.60   1   4.1e-38
    """

    type: int
    df_method: str
    tests: tuple[TermTest, ...]

    @property
    def has_df(self) -> bool:
        """Whether tests are F, not chi-square."""
        return self.df_method != "normal"

    def _page(self) -> Page:
        return Page((self._table(),))

    def _table(self) -> Table:
        kind = f"F, degrees of freedom: {self.df_method}" if self.has_df else "Wald chi-square"
        title = f"Type {ROMAN[self.type]} tests, {kind}"
        columns = [(head, list(cells)) for head, cells in self._columns()]
        names = [test.term for test in self.tests]
        rows = tuple(zip(names, *(cells for _, cells in columns), strict=True))
        return Table(title, ("", *(head for head, _ in columns)), rows, 1)

    def _columns(self) -> Iterator[tuple[str, Iterator[str]]]:
        tests = self.tests
        if not self.has_df:
            yield "chi-square", (_written(each.statistic, ".2f") for each in tests)
            yield "df", (_counted(each.df) for each in tests)
        else:
            if np.isfinite([each.mean_square for each in tests]).any():
                yield "sum sq", (_written(each.df * each.mean_square, ".5g") for each in tests)
                yield "mean sq", (_written(each.mean_square, ".5g") for each in tests)
            yield "num. df", (_counted(each.df) for each in tests)
            yield "den. df", (_written(each.df_denominator, ".2f") for each in tests)
            yield "F", (_written(each.statistic, ".3f") for each in tests)
        yield "p", (_written(each.p_value, ".2g") for each in tests)

    def to_frame(self) -> Any:  # a DataFrame, which this floor does not know
        """Return one row for each term.

        Columns are sum_sq, mean_sq, df, df_denominator, statistic (F) and p_value; without degrees
        of freedom df, statistic (chi-square) and p_value.
        """
        return named_frame({test.term: dict(self._numbers(test)) for test in self.tests})

    def _numbers(self, test: TermTest) -> Iterator[tuple[str, float]]:
        if self.has_df:
            yield "sum_sq", test.df * test.mean_square
            yield "mean_sq", test.mean_square
        yield "df", test.df
        if self.has_df:
            yield "df_denominator", test.df_denominator
        yield "statistic", test.statistic
        yield "p_value", test.p_value


def _counted(df: float) -> str:
    return f"{df:.2f}" if df % 1.0 else f"{df:.0f}"


def _written(value: float, digits: str) -> str:
    return "-" if np.isnan(value) else format(value, digits)


def anova(fit: Fit, terms: Mapping[int, TermTable], kind: int = 3, df: str = "auto") -> Anova:
    """Test each term of the formulas of a model.

    Parameters
    ----------
    fit : Fit
        With inference.
    terms : mapping of int to TermTable
        Of each predictor that has any.
    kind : {1, 2, 3}
        See `term_contrasts`.
    df : str
        Of the tests, see `reference`.
    """
    against = reference(fit, df)
    found: dict[str, list[tuple[Floats, bool]]] = {}
    for k, table in terms.items():
        for label, matrix, lost in _hypotheses(against, table, k, kind):
            found.setdefault(label, []).append((matrix, lost))
    applied = against.applied()
    tests = [
        _test(against, applied, label, np.vstack(parts), lost=any(lost))
        for label, (parts, lost) in (
            (label, zip(*each, strict=True)) for label, each in found.items()
        )
    ]
    tests += [_of_curve(against, each) for each in smooth_tests(against.fit, has_df=against.has_df)]
    return Anova(kind, against.title, tuple(tests))


def _hypotheses(
    against: Reference, table: TermTable, k: int, kind: int
) -> Iterator[tuple[str, Floats, bool]]:
    """Yield name and contrasts of each term, and whether these use what has no estimate.

    Terms of classes without an order have one name in all of them, and are tested together.
    """
    fit = against.applied()
    own = fit.shape.beta(k)
    assert fit.covariance is not None
    lost = np.isnan(np.diag(fit.covariance)[own])
    lost[list(fit.aliased[k])] = False
    contrasts = term_contrasts(fit, table, k, kind, _without_groups(fit, k))
    trends = {j for curve in fit.layout.curves if curve.predictor == k for j in curve.trends}
    together = fit.family.is_unordered and k in fit.family.locations
    for name, places, matrix in zip(table.names, table.places, contrasts, strict=True):
        if trends.issuperset(places):  # the whole curve has a test of its own
            continue
        whole = np.zeros((len(matrix), fit.shape.n_beta))
        whole[:, own] = matrix
        yield name if together else fit.layout.label(k, name), whole, _uses(matrix, lost)


def _of_curve(against: Reference, curve: SmoothTest) -> TermTest:
    """The test that a curve is 0."""
    rank, has_residual = curve.reference_df, np.isfinite(curve.residual_df)
    f = curve.statistic if has_residual else curve.statistic / rank
    statistic = f if against.has_df else rank * f
    mean_square = f * _residual_variance(against.fit)
    return TermTest(curve.name, rank, curve.residual_df, statistic, curve.p_value, mean_square)


def _uses(matrix: Floats, lost: Bools) -> bool:
    return bool(np.any(matrix[:, lost] != 0.0))


def _without_groups(fit: Fit, k: int) -> Floats:
    """Covariance of coefficients from the columns alone, where they are known, (p, p).

    Elsewhere from the information about them: rows do not tell their part of it.
    """
    if fit.equations is not None and k == fit.family.location:
        to_user = fit.coefficient_maps[k]
        return np.asarray(to_user @ np.linalg.solve(fit.equations.fixed, to_user.T))
    assert fit.uncertainty is not None
    own = fit.shape.beta(k)
    return fit.uncertainty.covariance[own, own]


def _test(against: Reference, fit: Fit, name: str, matrix: Floats, *, lost: bool) -> TermTest:
    matrix = np.zeros((0, matrix.shape[1])) if lost else _independent(fit, matrix)
    q = len(matrix)
    if q == 0:
        return TermTest(name, q, np.nan, np.nan, np.nan, np.nan)
    below = against.denominator(matrix)
    f = _statistic(fit, matrix) / q
    p_value = f_tail(below.scaling * f, q, below.df)
    statistic = below.scaling * f if against.has_df else q * f
    return TermTest(name, q, below.df, statistic, p_value, f * _residual_variance(fit))


def _independent(fit: Fit, matrix: Floats) -> Floats:
    """Independent contrasts that say the same; those that are given, if they are independent."""
    assert fit.uncertainty is not None
    n_beta = fit.shape.n_beta
    spread = matrix @ fit.uncertainty.covariance[:n_beta, :n_beta] @ matrix.T
    size = np.sqrt(np.diag(spread))
    if not len(matrix) or not size.max() > 0.0:
        return matrix[:0]
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0.0)
    values = np.linalg.eigvalsh(spread * scale * scale[:, None])
    q = int(np.sum(values > RANK * values.max()))
    if q == len(matrix):
        return matrix
    return np.asarray(np.linalg.eigh(spread)[1][:, len(matrix) - q :].T @ matrix)


def _statistic(fit: Fit, matrix: Floats) -> float:
    """Wald's statistic of independent contrasts."""
    assert fit.uncertainty is not None
    n_beta = fit.shape.n_beta
    spread = matrix @ fit.uncertainty.covariance[:n_beta, :n_beta] @ matrix.T
    size = np.sqrt(np.diag(spread))
    z = matrix @ np.concatenate(fit.beta) / size
    return float(z @ np.linalg.solve(spread / np.outer(size, size), z))


def _residual_variance(fit: Fit) -> float:
    """Variance of rows of weight one, in the user's units; NaN where there is not one."""
    if fit.equations is None or not len(fit.beta[fit.family.scale]):
        return np.nan
    return float(np.exp(2.0 * fit.beta[fit.family.scale][0]))
