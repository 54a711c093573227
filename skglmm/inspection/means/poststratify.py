"""Poststratification: averages over a table of cells of a population."""

from typing import Any

from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.inference import MarginalMeans
from skglmm.inspection.data.fitted import Fitted
from skglmm.inspection.data.tables import as_table, column_name, column_names, shown, weights_of
from skglmm.inspection.means.asked import Asked
from skglmm.inspection.means.marginal_means import group_codes, shares

__all__ = ["poststratify"]


@single_threaded
def poststratify(
    model: Any,
    cells: Any,
    weights: str,
    by: Any = None,
    *,
    kind: Kind = "conditional",
    df: str = "auto",
    level: float = 0.95,
) -> MarginalMeans:
    r"""Average means over the cells of a population, each with as many people as it has.

    With the mean :math:`m_j` of cell j and its number of people :math:`N_j` the averages are
    :math:`\sum_j N_j m_j / \sum_j N_j` [1]_, with the joint uncertainty of the estimates and of
    the predicted effects of groups.

    Parameters
    ----------
    model : estimator
        Fitted, with ``inference=True``: itself, the end of a pipeline, or inside of a fitted
        search.
    cells : DataFrame
        One row for each cell, with the columns of the model and the number of people.
    weights : str
        Column of the numbers of people, 0 or more.
    by : str or list of str, default=None
        Columns within whose values cells are averaged; None is one average of all.
    kind : {"conditional", "fixed", "marginal"} or set of str, default="conditional"
        Means of the cells' own groups, which the fit has to know; of typical groups; averages over
        groups; or of the named grouping factors, with others at 0.
    df : str, default="auto"
        As in `marginal_means`.
    level : float, default=0.95
        Coverage of the limits.

    Returns
    -------
    MarginalMeans

    Raises
    ------
    NotFittedError
        When `fit` was not called.
    TypeError
        When the model is none of skglmm.
    ValueError
        When a column is unknown, numbers of people are none, or groups are not known; without
        inference.

    References
    ----------
    .. [1] Gelman, A. & Little, T. C. (1997). Poststratification into many categories using
       hierarchical logistic regression. Survey Methodology, 23(2), 127-135.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import poststratify
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> cells = pd.DataFrame({"EP": [250, 350, 300], "batch": ["A", "A", "B"], "n": [10, 30, 20]})
    >>> poststratify(model, cells, weights="n", by="batch")
    Average means, weights n, scale of the response
      batch  estimate  std. error   2.5%  97.5%
      A         30.33       1.408  27.64  33.16
      B         17.42       1.317  14.98  20.15
    """
    fitted = Fitted.of(model)
    ask = Asked(fitted.model, kind, "response", df, level, of_rows=True)
    frame = as_table(cells)
    column, groups = column_name(frame, weights), column_names(frame, by)
    counts = weights_of(frame, column, "weights:")
    labels, codes = group_codes(frame, groups, sort=True)
    sums = shares(codes, counts, len(labels))
    known = getattr(fitted.steps[0], "feature_names_in_", None) if fitted.steps else None
    rows = fitted.rows(frame if known is None else frame[list(known)])  # the steps know no counts
    names = tuple(map(shown, groups))
    return ask.averages(rows, sums, names, labels, f"Average means, weights {column}")
