"""Matrices of intercepts and columns of numbers alone, put together without an evaluation."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from formulaic.parser.types import Factor

from skglmm.arrays import Floats
from skglmm.design.matrices.matrix import MatrixSpec, TermColumns, label_of, terms_in
from skglmm.design.matrices.sizes import MOST_COLUMNS

__all__ = ["direct_matrices"]

_NUMERICAL = Factor.Kind.NUMERICAL.value


def direct_matrices(
    texts: Mapping[str, str], data: Mapping[str, Any], n_samples: int
) -> tuple[dict[str, MatrixSpec], dict[str, Floats]] | None:
    """Make the matrices of formulas such as ``1 + x + z``; None where a formula asks for more.

    Specs and matrices are those of formulaic, which most models need for nothing else.

    Parameters
    ----------
    texts : mapping of str to str
        One-sided formula of each matrix.
    data : mapping of str to array
        Columns, checked; those of floats are numbers.
    n_samples : int
    """
    found = {key: _terms(text) for key, text in texts.items()}
    names = [label_of(factor) for terms in found.values() for t in terms for factor in _used(t)]
    if not all(found.values()) or not all(_is_number(data.get(name)) for name in names):
        return None
    if sum(map(len, found.values())) > MOST_COLUMNS:
        return None
    specs, matrices = {}, {}
    coded: set[str] = set()
    ones: Floats | None = None  # which intercepts share
    for key, terms in found.items():
        fresh = [factor for t in terms for factor in _used(t) if factor not in coded]
        coded.update(fresh)  # by formulaic, once, for the first formula that has the column
        kinds: dict[str, tuple[str, Any]] = {factor: (_NUMERICAL, {}) for factor in fresh}
        specs[key] = MatrixSpec(texts[key], terms, {}, kinds)
        if len(terms) > 1 or _used(terms[0]):
            matrices[key] = matrix = _matrix(terms, data, n_samples)
            if not _used(terms[0]):
                ones = matrix[:, :1]
        else:
            ones = np.ones((n_samples, 1), order="F") if ones is None else ones
            matrices[key] = ones
    return specs, matrices


def _matrix(terms: tuple[TermColumns, ...], data: Mapping[str, Any], n_samples: int) -> Floats:
    out = np.empty((n_samples, len(terms)), order="F")
    for j, term in enumerate(terms):
        out[:, j] = next((data[label_of(factor)] for factor in _used(term)), 1.0)
    return out


def _used(term: TermColumns) -> tuple[str, ...]:
    """Return the column of a term, or none of an intercept."""
    return term.factors if term.products[0][0] else ()


def _is_number(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == np.float64


@lru_cache(maxsize=256)  # one model is read again and again, in searches and in resampling
def _terms(text: str) -> tuple[TermColumns, ...]:
    """Return the intercept and the plain columns of a formula; nothing if it has anything else."""
    found = []
    for term in terms_in(text):
        (factor, *others) = term.factors
        if others:
            return ()
        expression, method = str(factor.expr), factor.eval_method
        if method is Factor.EvalMethod.LOOKUP:
            product: tuple[Any, ...] = (((expression, False),), 1)
            found.append(TermColumns((expression,), (product,), (label_of(expression),)))
        elif method is Factor.EvalMethod.LITERAL and expression == "1":
            found.append(TermColumns(("1",), (((), 1),), ("Intercept",)))
        else:
            return ()
    return tuple(found)
