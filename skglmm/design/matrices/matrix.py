"""What was learned of one matrix, in plain values: neither rows nor objects of formulaic."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pandas as pd
from formulaic import ModelSpec
from formulaic.materializers.base import EncodedTermStructure
from formulaic.materializers.types import EvaluatedFactor, ScopedFactor, ScopedTerm
from formulaic.parser.types import Factor, Term

from skglmm.arrays import Floats
from skglmm.design.matrices.plain import from_plain, to_plain
from skglmm.syntax import terms_of

__all__ = ["MatrixSpec", "TermColumns", "factors_in", "label_of", "levels_of", "terms_in"]

_COLUMN = " "
_INTERCEPT = ("1",)
_LEVELS, _CODING = "categories", "contrasts"  # what formulaic calls them; it only shows the coding


@dataclass(frozen=True, eq=False)
class TermColumns:
    """The columns of one term.

    Parameters
    ----------
    factors : tuple of str
        Expressions of the term.
    products : tuple of tuple
        Each with the expressions that are multiplied, whether their first level is left out, and
        with a number.
    columns : tuple of str
        Names.
    """

    factors: tuple[str, ...]
    products: tuple[tuple[tuple[tuple[str, bool], ...], float], ...]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return ":".join(map(label_of, self.factors))


@dataclass(frozen=True, eq=False)
class MatrixSpec:
    """What was learned of a matrix.

    Parameters
    ----------
    text : str
        One-sided formula.
    terms : tuple of TermColumns
        Its columns.
    states : mapping of str to dict
        What calls have learned, by their text.
    encoders : mapping of str to tuple
        Kind of each expression, ``"numerical"`` or ``"categorical"``, and what codes it.
    codings : mapping of str to ndarray, shape (levels, columns)
        Columns of each expression by its levels, the identity for numbers, where they are known;
        None in a spec that was stored before they were learned.
    has_intercept : bool
        Whether the column of ones is kept. Without it categories are coded as if it were there.
    """

    text: str
    terms: tuple[TermColumns, ...]
    states: Mapping[str, Any]
    encoders: Mapping[str, tuple[str, Any]]
    codings: Mapping[str, Floats] | None = None
    has_intercept: bool = True

    @classmethod
    def of(cls, text: str, spec: ModelSpec, codings: Mapping[str, Floats]) -> "MatrixSpec":
        """Take what formulaic has learned."""
        assert spec.structure is not None
        coded = spec.encoder_state.items()
        return cls(
            text,
            tuple(_term_columns(row) for row in spec.structure),
            spec.transform_state,
            {expr: (kind.value, _put_away(state)) for expr, (kind, state) in coded},
            {expr: codings[expr] for expr in spec.encoder_state if expr in codings},
        )

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(name for term in self.kept_terms for name in term.columns)

    @property
    def kept_terms(self) -> tuple[TermColumns, ...]:
        """The terms, without the intercept if its column is not kept."""
        if self.has_intercept:
            return self.terms
        return tuple(term for term in self.terms if term.factors != _INTERCEPT)

    def kept(self, matrix: Floats) -> Floats:
        """Return the columns to keep of all that were made; the intercept is the first."""
        return matrix if self.kept_terms == self.terms else matrix[:, 1:]

    def places(self) -> dict[tuple[str, ...], tuple[int, ...]]:
        """Return the columns of each term, without the intercept, by its expressions."""
        found, start = {}, 0
        for term in self.kept_terms:
            places = range(start, start + len(term.columns))
            start = places.stop
            if places and term.factors != _INTERCEPT:
                found[tuple(map(label_of, term.factors))] = tuple(places)
        return found

    def levels(self, expression: str) -> list[Any]:
        """Return the levels of a category; there are none of anything else."""
        _, state = self.encoders.get(expression, ("", {}))
        return list(_taken_out(state).get(_LEVELS, ()))

    def model_spec(self) -> ModelSpec:
        """Return it as formulaic has it, to change as it likes."""
        factors = {factor.expr: factor for factor in factors_in(self.text)}
        return ModelSpec(
            formula=terms_in(self.text),
            structure=[_structure(term, factors) for term in self.terms],
            transform_state=deepcopy(dict(self.states)),
            encoder_state={
                expr: (Factor.Kind(kind), _taken_out(state))
                for expr, (kind, state) in self.encoders.items()
            },
        )


def levels_of(spec: ModelSpec) -> dict[str, list[Any]]:
    """Return the levels of the categories that formulaic has learned."""
    coded = spec.encoder_state.items()
    return {e: list(state[_LEVELS]) for e, (_, state) in coded if _LEVELS in state}


def terms_in(text: str) -> list[Term]:
    """Return the terms of a formula for formulaic, with a blank before the name of a column.

    It knows expressions by their text alone, and a column may be called `log(x)`.
    """
    return [Term([_told_apart(factor) for factor in term.factors]) for term in terms_of(text)]


def factors_in(text: str) -> Iterator[Factor]:
    """Yield the factors of all terms of a formula for formulaic."""
    return (factor for term in terms_in(text) for factor in term.factors)


def label_of(expression: str) -> str:
    """Return an expression as tables name it: a column without the blank."""
    return expression.removeprefix(_COLUMN)


def _told_apart(factor: Factor) -> Factor:
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        return Factor(_COLUMN + factor.expr, eval_method="lookup")
    return factor


def _term_columns(row: EncodedTermStructure) -> TermColumns:
    products = tuple(
        (tuple((part.factor.expr, bool(part.reduced)) for part in term.factors), term.scale)
        for term in row.scoped_terms
    )
    return TermColumns(tuple(f.expr for f in row.term.factors), products, tuple(row.columns))


def _structure(term: TermColumns, factors: Mapping[str, Factor]) -> EncodedTermStructure:
    products = [
        ScopedTerm(
            [ScopedFactor(EvaluatedFactor(factors[e], None), reduced=r) for e, r in parts],
            scale=scale,
        )
        for parts, scale in term.products
    ]
    return EncodedTermStructure(
        Term([factors[expr] for expr in term.factors]), products, list(term.columns)
    )


def _put_away(state: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the state of a coding with plain levels."""
    kept: dict[Any, Any] = {}
    for key, value in state.items():
        if key == _LEVELS:
            kept[key] = to_plain(pd.Index(value))
        elif key != _CODING:
            kept[key] = _put_away(value) if isinstance(value, dict) else value
    return kept


def _taken_out(state: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the state of a coding as formulaic has it."""
    kept: dict[Any, Any] = {}
    for key, value in state.items():
        if key == _LEVELS:
            kept[key] = list(from_plain(value))
        else:
            kept[key] = _taken_out(value) if isinstance(value, dict) else value
    return kept
