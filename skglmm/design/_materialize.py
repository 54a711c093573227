"""Calls of formulaic: texts and columns go in, checked matrices and learned state come out."""

import ast
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, ModelSpecs
from formulaic.errors import DataMismatchWarning, FormulaicError
from formulaic.materializers import PandasMaterializer
from formulaic.transforms import TRANSFORMS
from formulaic.utils.code import sanitize_variable_names
from scipy.special import expit

from skglmm.arrays import Floats
from skglmm.design._columns import Use
from skglmm.exceptions import DesignError

__all__ = ["KNOWN", "build_matrices", "functions", "learn_matrices", "uses"]

_CONTEXT: dict[str, Any] = {"sqrt": np.sqrt, "log1p": np.log1p, "expit": expit, "abs": np.abs}
KNOWN = frozenset(TRANSFORMS)  # what formulaic lets formulas call


def functions(context: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what formulas may call besides formulaic's own functions."""
    return {**_CONTEXT, **(context or {})}


def uses(text: str, columns: Collection[str], names: Collection[str]) -> dict[str, Use]:
    """Return the columns that a text uses, and how.

    A name in `names`, a function or a constant of the context, is a column only where it is
    in `columns`.
    """
    coded: set[str] = set()
    plain: set[str] = set()
    for factor in (factor for term in Formula(text) for factor in term.factors):
        if factor.eval_method.value == "lookup":
            plain.add(factor.expr)
        elif factor.eval_method.value == "python":
            found = set(_names(factor.expr))
            first = _coded(factor.expr)
            coded |= found & {first}
            plain |= found - {first}
    used = [name for name in sorted(coded | plain) if name in columns or name not in names]
    return {name: Use(name in coded, name in plain) for name in used}


def _tree(expression: str) -> tuple[ast.expr, dict[str, str]]:
    """Parse an expression; back-quoted names become identifiers, listed in the second part."""
    aliases: dict[str, str] = {}
    code = sanitize_variable_names(expression, {}, aliases)
    return ast.parse(code, mode="eval").body, aliases


def _names(expression: str) -> Iterator[str]:
    """Yield the names of an expression that are neither called nor have members."""
    tree, aliases = _tree(expression)
    nodes = list(ast.walk(tree))
    heads = [node.func for node in nodes if isinstance(node, ast.Call)]
    heads += [node.value for node in nodes if isinstance(node, ast.Attribute)]
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str(name)), *_]):
                yield name
            case ast.Name(id=name) if node not in heads:
                yield aliases.get(name, name)


def _coded(expression: str) -> str | None:
    """Return the column of ``C(column, ...)``, None for other expressions."""
    tree, aliases = _tree(expression)
    match tree:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name), *_]):
            return aliases.get(name, name)
    return None


def learn_matrices(
    texts: Mapping[str, str], data: pd.DataFrame, context: Mapping[str, Any]
) -> tuple[dict[str, ModelSpec], dict[str, Floats]]:
    """Make the matrix of each text in one pass; return what was learned, and the matrices."""
    made = _materialize(Formula(**texts), data, context)
    specs = {name: made[name].model_spec for name in texts}
    return specs, {name: _checked(made[name], specs[name]) for name in texts}


def build_matrices(
    specs: Mapping[str, ModelSpec], data: pd.DataFrame, context: Mapping[str, Any]
) -> dict[str, Floats]:
    """Make the matrix of each learned text for other rows."""
    if not specs:
        return {}
    made = _materialize(ModelSpecs(**specs), data, context)
    return {name: _checked(made[name], specs[name]) for name in specs}


def _materialize(spec: Any, data: pd.DataFrame, context: Mapping[str, Any]) -> Any:
    materializer = PandasMaterializer(data, context=context)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):  # results are checked
            warnings.simplefilter("error", DataMismatchWarning)
            return materializer.get_model_matrix(spec, output="numpy", na_action="raise")
    except (FormulaicError, DataMismatchWarning, ArithmeticError, TypeError, ValueError) as error:
        raise _explained(error, data, context) from error


def _explained(error: Exception, data: pd.DataFrame, context: Mapping[str, Any]) -> DesignError:
    """Return an error of formulaic with what to do about it."""
    message = str(error)
    shadowed = [name for name in data.columns if name in KNOWN or name in context]
    if shadowed:
        hint = f"the column {shadowed[0]!r} has the name of a function; rename it"
    elif "extend beyond" in message:
        hint = (
            "bs() cannot leave the range of its data in fit; use cr() or "
            "bs(..., extrapolation='extend')"
        )
    elif "null values" in message:
        hint = "an expression gives NaN, perhaps the logarithm or root of a negative number"
    elif "outside of the nominated levels" in message:
        hint = "an expression in C() gives levels that fit did not see"
    elif "is not defined" in message:
        hint = "the functions of the context must be given again"
    else:
        hint = "check the expression and the types of its columns"
    return DesignError(f"the formula cannot be evaluated: {message}\n({hint})")


def _checked(matrix: Any, spec: ModelSpec) -> Floats:
    """Return a matrix as finite floats in Fortran order."""
    values = np.asarray(matrix)
    if values.dtype.kind not in "fiub":
        msg = (
            f"the columns {list(spec.column_names)} are of type {values.dtype}, expected numbers; "
            "complex numbers, times and texts cannot be effects"
        )
        raise DesignError(msg)
    values = np.asfortranarray(values, dtype=np.float64)
    for index, name in enumerate(spec.column_names):
        finite = np.isfinite(values[:, index])
        if not finite.all():
            msg = (
                f"the effect {name!r} is not finite (inf or NaN) in "
                f"{np.count_nonzero(~finite)} of {len(finite)} rows, the first is row "
                f"{int(np.argmin(finite))}"
            )
            raise DesignError(msg)
    return values
