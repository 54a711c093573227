"""What the names in a formula stand for: columns of the data, or functions."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from formulaic.parser.types import Factor
from formulaic.transforms import TRANSFORMS
from scipy.special import exp10, expit

from skglmm.design.columns import Use
from skglmm.design.matrices.matrix import label_of
from skglmm.design.smooths import smooth_functions
from skglmm.exceptions import DesignError
from skglmm.syntax import CODINGS, columns_in, read_expression, terms_of

__all__ = ["KNOWN", "columns_of", "factors_of", "functions", "uses"]

_CONTEXT: dict[str, Any] = {
    "sqrt": np.sqrt,
    "log1p": np.log1p,
    "expit": expit,
    "abs": np.abs,
    "exp10": exp10,  # formulaic's own is x**10
    **smooth_functions(),
}
KNOWN = frozenset(TRANSFORMS)  # what formulaic lets formulas call


def functions(context: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what formulas may call besides formulaic's own functions."""
    return {**_CONTEXT, **(context or {})}


def factors_of(text: str) -> Iterator[Factor]:
    """Yield the factors of all terms of a one-sided formula."""
    return (factor for term in terms_of(text) for factor in term.factors)


def columns_of(expressions: Iterable[str]) -> set[str]:
    """Return the names, of columns and perhaps of constants, in the factors of a `MatrixSpec`."""
    found = set()
    for text in expressions:
        label = label_of(text)
        plain = label != text
        found |= {label} if plain else {name for _, name in columns_in(read_expression(text)[0])}
    return found


def uses(text: str, columns: Collection[str], context: Mapping[str, Any]) -> dict[str, Use]:
    """Return the columns that a text uses, and how.

    The name of a function or of a constant of the context is a column only where it is in
    `columns`; a function that is not called is refused.
    """
    coded: set[str] = set()
    plain: set[str] = set()
    for factor in factors_of(text):
        names, first = _read(factor)
        for name in sorted(names):
            if name not in columns and _is_idle(name, factor, context):
                raise _idle(name, factor)
        coded |= {name for name in names if name == first}
        plain |= {name for name in names if name != first}
    known = KNOWN.union(context)
    used = [name for name in sorted(coded | plain) if name in columns or name not in known]
    return {name: Use(name in coded, name in plain) for name in used}


def _read(factor: Factor) -> tuple[set[str], str | None]:
    """Return the names of a factor that are not called, and the column of ``C(column, ...)``."""
    text = str(factor.expr)
    if factor.eval_method.value == "lookup":
        return {text}, None
    if factor.eval_method.value != "python":
        return set(), None
    tree, _ = read_expression(text)
    found = list(columns_in(tree))
    names = {name for _, name in found}
    match tree.body:
        case ast.Call(func=ast.Name(id="C"), args=[first, *_]):
            return names, next((name for node, name in found if node is first), None)
    return names, None


def _is_idle(name: str, factor: Factor, context: Mapping[str, Any]) -> bool:
    """Return whether a name is that of a function, in a place where a column is expected."""
    if name in context and context[name] is not _CONTEXT.get(name):
        is_lookup = factor.eval_method.value == "lookup"
        return is_lookup and callable(context[name])  # trusted code may take functions
    return name in KNOWN or name in _CONTEXT


def _idle(name: str, factor: Factor) -> DesignError:
    place = "" if factor.expr == name else f" in {factor.expr!r}"
    hint = (
        f"C(x, contr.{name.lower()})" if name in {"Treatment", *CODINGS} else f"{name}(x)"
    )  # `np` and `contr` are no functions, but have them
    hint = f"{name}.log(x)" if name == "np" else "contr.sum" if name == "contr" else hint
    return DesignError(
        f"{name!r}{place} is a function, and the data have no column of this name; functions are "
        f"called, {hint}"
    )
