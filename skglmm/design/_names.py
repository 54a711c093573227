"""What the names in a formula stand for: columns of the data, or functions."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from formulaic import Formula
from formulaic.parser.types import Factor
from formulaic.transforms import TRANSFORMS
from formulaic.utils.code import sanitize_variable_names
from scipy.special import exp10, expit

from skglmm.design._columns import Use
from skglmm.exceptions import DesignError

__all__ = ["KNOWN", "columns_of", "factors_of", "functions", "uses"]

_CONTEXT: dict[str, Any] = {
    "sqrt": np.sqrt,
    "log1p": np.log1p,
    "expit": expit,
    "abs": np.abs,
    "exp10": exp10,  # formulaic's own is x**10
}
_CODINGS = frozenset({"Sum", "Helmert", "Poly", "Diff"})  # C(c, Sum) needs no parentheses
KNOWN = frozenset(TRANSFORMS)  # what formulaic lets formulas call


def functions(context: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what formulas may call besides formulaic's own functions."""
    return {**_CONTEXT, **(context or {})}


@lru_cache(maxsize=256)  # one model is read again and again, in searches and in resampling
def factors_of(text: str) -> tuple[Factor, ...]:
    """Return the factors of all terms of a one-sided formula."""
    return tuple(factor for term in Formula(text) for factor in term.factors)


def columns_of(factors: Iterable[Factor]) -> frozenset[str]:
    """Return the names, of columns and perhaps of functions, that some factors are made of."""
    return frozenset().union(*(_read(factor).names for factor in factors))


def uses(text: str, columns: Collection[str], context: Mapping[str, Any]) -> dict[str, Use]:
    """Return the columns that a text uses, and how.

    The name of a function or of a constant of the context is a column only where it is in
    `columns`; a function that is not called is refused.
    """
    coded: set[str] = set()
    plain: set[str] = set()
    for factor in factors_of(text):
        found = _read(factor)
        for name in sorted(found.names):
            if name not in columns and _is_idle(name, found, context):
                raise _idle(name, factor)
        first = {found.coded} if found.coded in found.names else set()
        coded |= first
        plain |= found.names - first
    names = KNOWN.union(context)
    used = [name for name in sorted(coded | plain) if name in columns or name not in names]
    return {name: Use(name in coded, name in plain) for name in used}


class _Names(NamedTuple):
    """Names of a factor that are not called; `coded` is the column of ``C(column, ...)``."""

    names: frozenset[str]
    coded: str | None = None
    coding: str | None = None  # the second argument of ``C()``, if it is a name
    is_lookup: bool = False


def _read(factor: Factor) -> _Names:
    text = str(factor.expr)
    if factor.eval_method.value == "lookup":
        return _Names(frozenset([text]), is_lookup=True)
    if factor.eval_method.value != "python":
        return _Names(frozenset())
    aliases: dict[str, str] = {}  # back-quoted names become identifiers
    tree = ast.parse(sanitize_variable_names(text, {}, aliases), mode="eval").body
    names = frozenset(_bare(tree, aliases))
    match tree:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name), ast.Name(id=coding), *_]):
            return _Names(names, aliases.get(name, name), coding)
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name), *_]):
            return _Names(names, aliases.get(name, name))
    return _Names(names)


def _bare(tree: ast.expr, aliases: Mapping[str, str]) -> Iterator[str]:
    """Yield the names of an expression that are neither called nor have members."""
    nodes = list(ast.walk(tree))
    heads = [node.func for node in nodes if isinstance(node, ast.Call)]
    heads += [node.value for node in nodes if isinstance(node, ast.Attribute)]
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str(name)), *_]):
                yield name
            case ast.Name(id=name) if node not in heads:
                yield aliases.get(name, name)


def _is_idle(name: str, found: _Names, context: Mapping[str, Any]) -> bool:
    """Return whether a name is that of a function, in a place where a column is expected."""
    if name in context and context[name] is not _CONTEXT.get(name):
        return found.is_lookup and callable(context[name])  # trusted code may take functions
    is_coding = name in _CODINGS and name == found.coding
    return (name in KNOWN or name in _CONTEXT) and not is_coding


def _idle(name: str, factor: Factor) -> DesignError:
    place = "" if factor.expr == name else f" in {factor.expr!r}"
    hint = (
        f"C(x, contr.{name.lower()})" if name in {"Treatment", *_CODINGS} else f"{name}(x)"
    )  # `np` and `contr` are no functions, but have them
    hint = f"{name}.log(x)" if name == "np" else "contr.sum" if name == "contr" else hint
    return DesignError(
        f"{name!r}{place} is a function, and the data have no column of this name; functions are "
        f"called, {hint}"
    )
