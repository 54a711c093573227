"""Marginal means: averages over a reference grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from skglmm.arrays import Floats, Ints
from skglmm.estimators.reading.validation import check_choice
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inference import MarginalMeans
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import as_table, column_names, shown, weights_of
from skglmm.inspection.means.asked import Asked
from skglmm.inspection.means.reference_grid import WEIGHT, FactorGrid, grid_of_factors

__all__ = [
    "Labels",
    "asked_grid",
    "group_codes",
    "group_weights",
    "marginal_means",
    "shares",
]

KINDS = ("fixed", "marginal")
WHOSE = {"fixed": "of typical groups", "marginal": "averaged over groups"}
Labels = tuple[tuple[Any, ...], ...]


@single_threaded
def marginal_means(
    model: Any,
    X: Any = None,
    by: Any = None,
    *,
    at: Mapping[Any, Any] | None = None,
    weights: str = "equal",
    kind: str = "fixed",
    scale: str = "response",
    df: str = "auto",
    level: float = 0.95,
    grid: Any = None,
) -> MarginalMeans:
    r"""Average means over the levels of factors: marginal means, least-squares means.

    Of kind "fixed" they are what emmeans gives [1]_, [2]_: averages :math:`L\hat\beta` of linear
    predictors over a reference grid, then the inverse link of these, with limits that are symmetric
    on the scale of the link. Means that depend on several linear predictors, such as those of
    counts with extra zeros, and those of kind "marginal" are averages of means.

    Parameters
    ----------
    model : estimator
        Fitted, with ``inference=True``: itself, the end of a pipeline, or inside of a fitted
        search.
    X : DataFrame or array-like, shape (n_samples, n_features), default=None
        The rows of the fit, or others that tell means of covariates and numbers of rows; not
        needed with `grid`.
    by : str or list of str, default=None
        Columns whose values have means of their own; None is one mean of all.
    at : mapping of str to value or list of values, default=None
        Values of covariates, which are at their means in X otherwise, those of 0 and 1 as well (see
        `reference_grid`), and levels of factors to
        average over. A column of exposure or an offset is a covariate, too:
        ``at={"hours": 1}`` makes rates.
    weights : {"equal", "proportional", "cells"}, default="equal"
        How levels of other factors count: the same; as often as they occur in X; or as often as
        they occur together with those of `by`.
    kind : {"fixed", "marginal"}, default="fixed"
        Means of a typical group, whose random effects are 0; or averages over groups, with the
        uncertainty of the variances of their effects. Smooth terms belong to both.
    scale : {"response", "link"}, default="response"
        Means of y (shares of trials); or their link, of counts with extra zeros that of the
        conditional part. Classes have probabilities on the scale of the response, with a column
        ``class``.
    df : str, default="auto"
        Degrees of freedom, as in `summary`: by default Satterthwaite's for linear mixed models, the
        normal distribution for others. "between-within" is for few groups, of all kinds and
        families.
    level : float, default=0.95
        Coverage of the limits.
    grid : DataFrame, default=None
        Rows to average over in place of `X`, `at` and `weights`, such as an edited
        `reference_grid`, whose column ``grid_weight`` has their weights; all the same without
        it.

    Returns
    -------
    MarginalMeans
        Prints as a table; has `contrasts` and `to_frame`.

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    TypeError
        When the model is none of skglmm.
    ValueError
        When a column or a choice is unknown; without inference; for links of classes.

    References
    ----------
    .. [1] Searle, S. R., Speed, F. M. & Milliken, G. A. (1980). Population marginal means in the
       linear model: an alternative to least squares means. The American Statistician, 34(4),
       216-221.
    .. [2] Lenth, R. V. (2023). emmeans: estimated marginal means, aka least-squares means.
       R package, version 1.8.4.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import marginal_means
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> marginal_means(model, X, by="EP", at={"EP": [250, 350]})
    Marginal means of typical groups, scale of the response
      EP   estimate  std. error   2.5%  97.5%
      250     7.763       1.239  5.657  10.57
      350     19.91       2.634  15.24  25.57
    """
    check_choice("kind", kind, KINDS)
    fitted = Fitted.of(model)
    ask = Asked(fitted.model, kind, scale, df, level)
    found = asked_grid(fitted, X, by, at, weights, kind, grid)
    names, labels, sums = group_weights(found)
    rows = fitted.rows(found.frame.drop(columns=WEIGHT))
    title = f"Marginal means {WHOSE[kind]}"
    if not fitted.model.fit_.layout.grouping_factors:
        title = "Marginal means"
    return ask.averages(rows, sums, names, labels, title, found.notes)


def asked_grid(
    fitted: Fitted,
    X: Any,
    by: Any,
    at: Mapping[Any, Any] | None,
    weights: str,
    kind: str,
    grid: Any,
) -> FactorGrid:
    """Return the reference grid of some rows, or the one that is given."""
    if grid is None:
        if X is None:
            msg = "X is missing: the rows of the fit, whose means and numbers count, or grid="
            raise ValueError(msg)
        return grid_of_factors(fitted, X, by, at, weights, kind)
    if at is not None or weights != "equal":
        msg = "at= and weights= make a grid, and here is grid=; change its rows and grid_weight"
        raise ValueError(msg)
    frame = as_table(grid)
    if WEIGHT not in frame:
        frame = frame.assign(**{WEIGHT: 1.0})
    weighted = frame.assign(**{WEIGHT: weights_of(frame, WEIGHT, "grid: the")})
    return FactorGrid(weighted, column_names(frame, by))


def group_weights(grid: FactorGrid) -> tuple[tuple[str, ...], Labels, csr_array]:
    """Return names and labels of groups of rows, and the weights of rows in each, (m, n).

    Weights add to 1, and are NaN in groups where all are 0.
    """
    labels, codes = group_codes(grid.frame, grid.by, sort=False)
    weights = grid.frame[WEIGHT].to_numpy(dtype=np.float64)
    return tuple(map(shown, grid.by)), labels, shares(codes, weights, len(labels))


def group_codes(frame: pd.DataFrame, by: Sequence[Any], *, sort: bool) -> tuple[Labels, Ints]:
    """Return the values of some columns that occur, and the place of each row's, (n,)."""
    if not by:
        return ((),), np.zeros(len(frame), dtype=np.intp)
    codes = frame.groupby(list(by), sort=sort, observed=True).ngroup().to_numpy()
    first = np.unique(codes, return_index=True)[1]
    labels = frame[list(by)].iloc[first].astype(object).itertuples(index=False, name=None)
    return tuple(labels), np.asarray(codes, dtype=np.intp)


def shares(codes: Ints, weights: Floats, size: int) -> csr_array:
    """Return weights of rows in their groups, (m, n), that add to 1."""
    total = np.bincount(codes, weights, size)[codes]
    found = np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0.0)
    return csr_array((found, (codes, np.arange(len(codes)))), shape=(size, len(codes)))
