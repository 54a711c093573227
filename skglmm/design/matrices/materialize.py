"""Calls of formulaic: texts and columns go in, checked matrices and learned state come out."""

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product as product_of
from math import prod
from typing import Any

import numpy as np
import pandas as pd
from formulaic import ModelSpecs, SimpleFormula, StructuredFormula
from formulaic.errors import DataMismatchWarning, FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.materializers.types.factor_values import FactorValuesMetadata
from formulaic.parser.types import Factor, Term
from formulaic.transforms import TRANSFORMS
from formulaic.utils.variables import Variable

from skglmm.arrays import Floats
from skglmm.design.matrices.direct import direct_matrices
from skglmm.design.matrices.evaluate import Names, evaluate
from skglmm.design.matrices.matrix import MatrixSpec, factors_in, label_of, levels_of, terms_in
from skglmm.design.matrices.names import uses
from skglmm.design.matrices.sizes import Materializer
from skglmm.design.matrices.term_table import learn_codings
from skglmm.exceptions import DesignError

__all__ = ["as_frame", "build_matrices", "learn_matrices"]

_FAILURES = (
    *(FormulaicError, DataMismatchWarning, ArithmeticError, AttributeError, LookupError),
    *(NotImplementedError, TypeError, ValueError),
)
_ONE = Term([Factor("1", eval_method="literal")])
# What formulaic says of an expression that it could not evaluate, or whose values it refuses.
_FAILED = re.compile(r"Unable to evaluate factor `(.+)`\. \[\w+: (.*)\]", re.DOTALL)
_REFUSED = re.compile(r"Error encountered while checking for nulls in `(.+?)`: (.*)", re.DOTALL)
_SPREAD = re.compile(r"\b(scale|standardize|poly|bs|cr|cs|cc)\(")  # what needs a spread

# Words of formulaic's messages, and what to do about them.
_CURES = {
    "extend beyond": (
        "bs() cannot leave the range of its data in fit; use cr() or "
        "bs(..., extrapolation='extend')"
    ),
    "null values": "it gives NaN, perhaps the logarithm or root of a negative number",
    "find_nulls": "it gives neither a number nor a label for each row",
    "outside of the nominated levels": "an expression in C() gives levels that fit did not see",
    "is not defined": "the functions of the context must be given again",
}


def learn_matrices(
    texts: Mapping[str, str],
    columns: Mapping[str, Any],
    n_samples: int,
    context: Mapping[str, Any],
    without_intercept: Collection[str] = (),
) -> tuple[dict[str, MatrixSpec], dict[str, Floats]]:
    """Make the matrix of each text in one pass; return what was learned, and the matrices.

    Those `without_intercept` are made with it, and lose their column of ones.
    """
    specs, made = _all_columns(texts, columns, n_samples, context)
    for key in without_intercept:
        specs[key] = replace(specs[key], has_intercept=False)
        made[key] = specs[key].kept(made[key])
    return specs, made


def _all_columns(
    texts: Mapping[str, str], columns: Mapping[str, Any], n_samples: int, context: Mapping[str, Any]
) -> tuple[dict[str, MatrixSpec], dict[str, Floats]]:
    direct = direct_matrices(texts, columns, n_samples)
    if direct is not None:
        return direct
    data = as_frame(columns, n_samples)
    try:
        formulas = {key: SimpleFormula(terms_in(text)) for key, text in texts.items()}
        made, codings = _learn(StructuredFormula(**formulas), data, context)
    except DesignError:
        raise
    except _FAILURES as error:
        _raise_own(error)
        culprit = _culprit(texts, data, context)
        constant = _constant_column(culprit, data, context)
        raise (constant or _explained(error, culprit)) from error
    specs = {key: MatrixSpec.of(text, made[key].model_spec, codings) for key, text in texts.items()}
    return specs, {key: _checked(made[key], specs[key]) for key in texts}


def build_matrices(
    specs: Mapping[str, MatrixSpec],
    columns: Mapping[str, Any],
    n_samples: int,
    context: Mapping[str, Any],
) -> dict[str, Floats]:
    """Make the matrix of each learned text for other rows."""
    if not specs:
        return {}
    texts = {key: spec.text for key, spec in specs.items()}
    direct = direct_matrices(texts, columns, n_samples)
    if direct is not None:
        return {key: specs[key].kept(matrix) for key, matrix in direct[1].items()}
    data = as_frame(columns, n_samples)
    try:
        known = ModelSpecs(**{key: spec.model_spec() for key, spec in specs.items()})
        made = _materialize(known, data, context)
    except _FAILURES as error:
        _raise_own(error)
        raise _explained(error, None) from error
    return {key: spec.kept(_checked(made[key], spec)) for key, spec in specs.items()}


def as_frame(columns: Mapping[str, Any], n_samples: int) -> pd.DataFrame:
    """Return columns as a data frame without copies; there may be none of them."""
    return pd.DataFrame(dict(columns), index=pd.RangeIndex(n_samples), copy=False)


class _Materializer(Materializer):
    """Formulaic's own, which does not evaluate expressions itself, nor name columns."""

    learns = False

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _lookup(self, name: str) -> tuple[Any, set[Variable]]:
        return self.data[label_of(name)], set()

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _evaluate(self, expr: str, metadata: Any, spec: Any) -> tuple[Any, set[Variable]]:
        functions = {**TRANSFORMS, **self.context}
        shared = {"_spec": spec, "_context": self.layered_context, "_metadata": metadata}
        names = Names(self.data, functions, spec.transform_state, self.learns, shared)
        return evaluate(expr, names), set()

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _flatten_encoded_evaled_factor(self, name: str, values: Any) -> dict[str, Any]:
        # Formulaic's own leaves out levels such as "__none__", and the first of two of one name.
        return dict(_named_apart(_flat(label_of(name), values)))

    @PandasMaterializer.override  # type: ignore[untyped-decorator]
    def _get_columns_for_term(self, factors: Any, spec: Any, scale: float = 1) -> Any:
        given = list(factors)
        columns = super()._get_columns_for_term(factors, spec, scale)
        if len(columns) < prod(map(len, given)):
            _named_apart((":".join(product), None) for product in product_of(*given))
        return columns


def _flat(name: str, values: Any) -> Iterator[tuple[str, Any]]:
    """Yield the columns of an encoded factor with their names."""
    if not isinstance(values, dict):
        yield name, values
        return
    metadata = getattr(values, "__formulaic_metadata__", None)
    form = FactorValuesMetadata.format if metadata is None else metadata.get_format()
    for level, column in values.items():
        yield from _flat(form.format(name=name, field=level), column)


def _named_apart(columns: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Return columns of which no two have one name, such as the levels 1 and "1" of a category."""
    found = list(columns)
    name, count = Counter(name for name, _ in found).most_common(1)[0] if found else ("", 0)
    if count > 1:
        msg = f"{count} columns are all called {name!r}; rename levels that are written alike"
        raise DesignError(msg)
    return found


def _learn(
    spec: Any, data: pd.DataFrame, context: Mapping[str, Any]
) -> tuple[Any, dict[str, Floats]]:
    """Return the matrices, and how each factor was coded."""
    materializer = _Materializer(data, context=context)
    made = _run(materializer, spec, learns=True)
    levels: dict[str, list[Any]] = {}
    made._map(lambda each: levels.update(levels_of(each.model_spec)))
    return made, learn_codings(materializer.factor_cache, materializer.encoded_cache, levels)


def _materialize(
    spec: Any, data: pd.DataFrame, context: Mapping[str, Any], *, learns: bool = False
) -> Any:
    return _run(_Materializer(data, context=context), spec, learns=learns)


def _run(materializer: "_Materializer", spec: Any, *, learns: bool) -> Any:
    materializer.learns = learns
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # results are checked
        warnings.simplefilter("error", DataMismatchWarning)
        return materializer.get_model_matrix(spec, output="numpy", na_action="raise")


def _culprit(
    texts: Mapping[str, str], data: pd.DataFrame, context: Mapping[str, Any]
) -> str | None:
    """Return the first expression that fails by itself, None when they fail together only."""
    for factor in (factor for text in texts.values() for factor in factors_in(text)):
        try:
            _materialize(SimpleFormula([_ONE, Term([factor])]), data, context, learns=True)
        except _FAILURES:
            return label_of(factor.expr)
    return None


def _raise_own(error: BaseException) -> None:
    """Raise the error of a function of ours, around which formulaic has wrapped its own."""
    cause = error.__cause__
    if isinstance(cause, DesignError):
        raise cause from None


def _explained(error: Exception, culprit: str | None) -> DesignError:
    """Return an error of formulaic in our words, with what to do about it."""
    reason = "its arguments do not fit" if isinstance(error, LookupError) else str(error)
    read = _FAILED.match(reason) or _REFUSED.match(reason)
    if read:
        culprit, reason = read.groups()
    what = f"the expression {culprit!r}" if culprit else "the formula"
    cures = [cure for words, cure in _CURES.items() if words in reason]
    if cures:
        return DesignError(f"{what} cannot be evaluated: {cures[0]}")
    if culprit and culprit.startswith("C("):
        hint = (
            "check the types of its columns; the second argument of C() is a coding, such as "
            "contr.sum or contr.treatment('a')"
        )
    else:
        hint = "check the expression and the types of its columns"
    return DesignError(f"{what} cannot be evaluated: {reason}\n({hint})")


def _checked(matrix: Any, spec: MatrixSpec) -> Floats:
    """Return a matrix as finite floats in Fortran order."""
    values = np.asarray(matrix)
    if values.dtype.kind not in "fiub":
        msg = (
            f"the columns {list(spec.column_names)} are of type {values.dtype}, expected numbers; "
            "complex numbers, times and texts cannot be effects"
        )
        raise DesignError(msg)
    values = np.asfortranarray(values, dtype=np.float64)
    for index, name in enumerate(name for term in spec.terms for name in term.columns):
        finite = np.isfinite(values[:, index])
        if not finite.all():
            msg = (
                f"the effect {name!r} is not finite (inf or NaN) in "
                f"{np.count_nonzero(~finite)} of {len(finite)} rows, the first is row "
                f"{int(np.argmin(finite))}"
            )
            raise DesignError(msg)
    return values


def _constant_column(
    expression: str | None, data: pd.DataFrame, context: Mapping[str, Any]
) -> DesignError | None:
    """Return an error that names the constant column of an expression that failed, or None."""
    if expression is None or not _SPREAD.search(expression):
        return None
    for name in uses(f"{{{expression}}}", data.columns, context):
        values = data[name]
        if pd.api.types.is_numeric_dtype(values) and values.min() == values.max():
            return DesignError(
                f"the expression {expression!r} cannot be evaluated: the column {name!r} is "
                f"constant, {float(values.iloc[0])!r} in all rows, and has no spread to divide by "
                "or to put knots in; take the term out"
            )
    return None
