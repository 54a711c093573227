r"""The terms of a fixed part: their columns, which contain which, and their general parameters.

A term has *general* parameters, one for each combination of the levels of its categories: with all
of them the matrix D has more columns than its rank. That of a model is a coding of it,
:math:`X = D M`, and where both span the same space :math:`D = X T`: the rows of T are all that can
be estimated, whatever the coding [1]_. Both follow from the formula and the codings alone.

References
----------
.. [1] Searle, S. R. (1971). Linear Models. Wiley, chapter 5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import block_diag

from skglmm.arrays import Floats
from skglmm.design.matrices.matrix import MatrixSpec, TermColumns, label_of

__all__ = ["TermTable", "learn_codings", "term_table"]

SPARE = 50  # rows more than columns, so that no relation holds by chance


@dataclass(frozen=True, eq=False)
class TermTable:
    """Terms of a fixed part, without the intercept.

    Parameters
    ----------
    names : tuple of str
    places : tuple of tuple of int
        Columns of each term.
    containing : tuple of tuple of int
        Terms that contain each: with all its variables and more, no other numbers among them.
    to_general : ndarray, shape (P, p)
        General parameters of coefficients, M.
    relation : ndarray, shape (p, P), or None
        Estimable functions of general parameters, T; None where codings are not known.
    """

    names: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    containing: tuple[tuple[int, ...], ...]
    to_general: Floats
    relation: Floats | None


def term_table(spec: MatrixSpec, *, treatment: bool = False) -> TermTable:
    """Return the terms of a matrix.

    Parameters
    ----------
    spec : MatrixSpec
    treatment : bool
        Whether estimable functions are those that treatment coding would have: they span the same
        spaces, term by term, in one basis for all codings.
    """
    found = spec.places()
    terms = [term for term in spec.terms if tuple(map(label_of, term.factors)) in found]
    places = tuple(found.values())
    containing = tuple(
        tuple(j for j, other in enumerate(terms) if _contains(spec, other, term)) for term in terms
    )
    names = tuple(":".join(factors) for factors in found)
    p, codings = len(spec.column_names), spec.codings or {}
    first = int(spec.kept_terms != spec.terms)  # after an intercept that is not kept
    if not spec.terms or any(e not in codings for term in terms for e in term.factors):
        return TermTable(names, places, containing, np.zeros((0, p)), None)
    to_general = block_diag(*(_block(codings, term) for term in spec.terms))
    coded = to_general
    if treatment:
        plain = {e: _treatment(coding) for e, coding in codings.items()}
        coded = block_diag(*(_block(plain, term) for term in spec.terms))
    general = _general_rows(spec, codings, len(to_general) + SPARE)
    relation = np.asarray(np.linalg.lstsq(general @ coded, general, rcond=None)[0])
    return TermTable(names, places, containing, to_general[:, first:], relation[first:])


def _treatment(coding: Floats) -> Floats:
    """The treatment coding of as many levels; any other number of columns stays as it is."""
    n_levels, n_columns = coding.shape
    return np.eye(n_levels)[:, 1:] if n_columns == n_levels - 1 else coding


def _contains(spec: MatrixSpec, larger: TermColumns, term: TermColumns) -> bool:
    def numbers(each: TermColumns) -> set[str]:
        return {e for e in each.factors if spec.encoders.get(e, ("",))[0] != "categorical"}

    return set(term.factors) < set(larger.factors) and numbers(larger) == numbers(term)


def _block(codings: Mapping[str, Floats], term: TermColumns) -> Floats:
    """General parameters of a term's coefficients: its products side by side."""
    parts = []
    for factors, scale in term.products:
        reduced = dict(factors)
        found = [_coding(codings[e], reduced.get(e)) for e in term.factors if e in codings]
        parts.append(scale * _kron(found))
    return np.hstack(parts) if parts else np.zeros((1, 0))


def _coding(coding: Floats, reduced: bool | None) -> Floats:
    """Columns of a factor by its levels: reduced, all of them, or, where it is absent, one."""
    if reduced is None:
        return np.ones((len(coding), 1))
    return coding if reduced else np.eye(len(coding))


def _kron(parts: list[Floats]) -> Floats:
    """Kronecker product, the first factor fastest, as columns of a term are ordered."""
    found = np.ones((1, 1))
    for part in reversed(parts):
        found = np.asarray(np.kron(found, part))
    return found


def _general_rows(spec: MatrixSpec, codings: Mapping[str, Floats], n: int) -> Floats:
    """Rows of all general columns, of random levels and random numbers, (n, P)."""
    rng = np.random.default_rng(0)
    rows: dict[str, Floats] = {}
    for expression, coding in codings.items():
        if spec.encoders[expression][0] == "categorical":
            rows[expression] = np.eye(len(coding))[rng.integers(0, len(coding), n)]
        else:
            rows[expression] = rng.normal(size=(n, len(coding)))
    found = []
    for term in spec.terms:
        parts = [rows[e] for e in term.factors if e in rows]
        product = np.ones((n, 1))
        for part in parts:  # the first factor fastest
            product = (part[:, None, :] * product[:, :, None]).transpose(0, 2, 1).reshape(n, -1)
        found.append(product)
    return np.hstack(found)


def learn_codings(
    evaluated: Mapping[str, Any], encoded: Mapping[Any, Any], levels: Mapping[str, list[Any]]
) -> dict[str, Floats]:
    """Return the coding of each factor, (levels, columns), as formulaic made its columns.

    That of numbers is the identity. Categories with a level without rows have none.

    Parameters
    ----------
    evaluated, encoded : mapping
        What formulaic keeps of factors: their values and their columns.
    levels : mapping of str to list
        Levels of the categories.
    """
    found = {}
    for key, columns in encoded.items():
        expression = key[0] if isinstance(key, tuple) else key
        if expression not in levels:
            found[expression] = np.eye(len(list(_columns(columns))))
        elif isinstance(key, tuple):
            coding = _of_levels(evaluated[expression].values, columns, levels[expression], key[1])
            if coding is not None and (key[1] or expression not in found):
                found[expression] = coding
    return found


def _of_levels(values: Any, columns: Any, levels: list[Any], reduced: bool) -> Floats | None:
    if not reduced:  # then it does not occur with a coding
        return np.eye(len(levels))
    series = pd.Categorical(getattr(values, "__wrapped__", values), categories=levels)
    first = np.full(len(levels), -1, dtype=np.intp)
    first[series.codes[::-1]] = np.arange(len(series))[::-1]
    if np.any(first < 0):
        return None
    metadata = columns.__formulaic_metadata__
    left_out = metadata.drop_field
    kept = [c for name, c in columns.items() if left_out is None or name != left_out]
    return np.array([np.asarray(column, dtype=np.float64)[first] for column in kept]).T


def _columns(columns: Any) -> Iterator[Any]:
    if not isinstance(columns, dict):
        yield columns
        return
    for column in columns.values():
        yield from _columns(column)
