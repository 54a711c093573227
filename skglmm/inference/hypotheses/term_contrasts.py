r"""What a term contributes, as contrasts of coefficients: hypotheses of types 1, 2 and 3.

Type 1 is a term after those before it in the formula; type 2 a term after all others but those
that contain it, as ``a`` is contained in ``a:b``. Both are rows of the triangular factor of the
cross-products of the columns, ordered so that the others come first: with C the inverse, and t the
columns of the term and r those that follow, they are those of t in the inverse of
:math:`C_{(t, r), (t, r)}`.

Type 3 are the estimable functions of a term's general parameters which are orthogonal to those of
the terms that contain it [1]_, [2]_: averages over the categories of other terms, each with the
same weight, whatever the coding. With treatment contrasts a test of the coefficients of ``a``
beside those of ``a:b`` is something else, that of ``a`` at the reference level of ``b``.

References
----------
.. [1] SAS Institute (1978). Tests of hypotheses in fixed-effects linear models. SAS Technical
   Report R-101.
.. [2] Kuznetsova, A., Brockhoff, P. B. & Christensen, R. H. B. (2017). lmerTest package: tests in
   linear mixed effects models. Journal of Statistical Software, 82(13), 1-26.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import TermTable
from skglmm.fitting import Fit

__all__ = ["TYPES", "term_contrasts"]

TYPES = (1, 2, 3)
ZERO = 1e-6  # of a row of estimable functions, beside the largest: rounding


def term_contrasts(
    fit: Fit, table: TermTable, k: int, kind: int, covariance: Floats
) -> Iterator[Floats]:
    """Yield the contrasts of each term of a predictor, (m, p).

    Parameters
    ----------
    fit : Fit
    table : TermTable
    k : int
        The predictor.
    kind : {1, 2, 3}
    covariance : ndarray, shape (p, p)
        Of its coefficients were all rows independent, for types 1 and 2; of any size.

    Raises
    ------
    ValueError
        When the coding of a category is not known, for type 3.
    """
    kept = [[j for j in columns if j not in fit.aliased[k]] for columns in table.places]
    if kind == 3 and any(table.containing):
        yield from _estimable(fit, table, k, kept)
        return
    for t, own in enumerate(kept):
        if kind == 1:
            yield _after_others(covariance, own, [j for later in kept[t + 1 :] for j in later])
        elif table.containing[t]:
            later = (kept[i] for i in sorted(table.containing[t]))
            yield _after_others(covariance, own, [j for each in later for j in each])
        else:
            yield np.eye(len(covariance))[own]


def _after_others(covariance: Floats, own: Sequence[int], later: Sequence[int]) -> Floats:
    """Contrasts of some columns after all others but those that follow."""
    found, both = np.zeros((len(own), len(covariance))), [*own, *later]
    if own:
        upper = np.linalg.cholesky(np.linalg.inv(covariance[np.ix_(both, both)])).T
        found[:, both] = (upper / np.diag(upper)[:, None])[: len(own)]
    return found


def _estimable(
    fit: Fit, table: TermTable, k: int, kept: Sequence[Sequence[int]]
) -> Iterator[Floats]:
    if table.relation is None:
        msg = (
            "type=3 needs to know how each category was coded, and this model has a category with "
            "a level without rows in fit, or was stored by an earlier version; fit again, or use "
            "type=2"
        )
        raise ValueError(msg)
    relation = _of_rows(fit, table.relation, k)
    for own, containing in zip(kept, table.containing, strict=True):
        rows, above = relation[list(own)], relation[[j for i in containing for j in kept[i]]]
        if len(above):
            rows = rows - rows @ np.linalg.pinv(above) @ above
        sizes = np.abs(rows).max(axis=1, initial=0.0)
        yield rows[sizes > ZERO] @ table.to_general


def _of_rows(fit: Fit, relation: Floats, k: int) -> Floats:
    """The relation in the rows of the fit, where dropped columns are sums of others."""
    if not fit.aliased[k] or fit.null_spaces is None:
        return relation
    space, found = fit.null_spaces[k], relation.copy()
    lost = list(space.columns)
    found -= space.basis @ relation[lost]
    found[lost] = 0.0
    return np.asarray(found)
