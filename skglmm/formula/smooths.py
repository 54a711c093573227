"""Smooth terms, ``s(x)``: curves of the fixed part, penalized as random effects are."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from formulaic.parser.types import Factor, Term

from skglmm.exceptions import FormulaError
from skglmm.formula.limits import shorten
from skglmm.formula.terms import read_terms, render
from skglmm.syntax import PENALIZED, SMOOTHS, columns_in, name_of, read_expression, spelled

__all__ = ["SmoothTerm", "cut_smooths", "refuse_smooths"]

_BY_LEVEL, _EFFECTS = "fs", "re"  # bases of mgcv that are random effects


@dataclass(frozen=True)
class SmoothTerm:
    """One smooth term, as two calls: of its columns without a penalty, and of the penalized ones.

    Parameters
    ----------
    text : str
        As the formula has it, ``"s(x, k=8)"``.
    trend : str
        Call of what is not penalized; empty where all is.
    bends : str
        Call of what is: effects that have a variance.
    group : tuple of str, default=()
        Column of whose levels each has a curve of its own.

    Examples
    --------
    >>> from skglmm.formula import parse
    >>> parse("x + s(z, k=8)").smooths[0].bends
    '_s(z, k=8)'
    """

    text: str
    trend: str
    bends: str
    group: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def cut_smooths(
    fixed: str, source: str, allowed: Collection[str]
) -> tuple[str, tuple[SmoothTerm, ...]]:
    """Return a canonical fixed part without its smooth terms, and these.

    Parameters
    ----------
    fixed : str
        Canonical text, with explicit intercept.
    source : str
        The formula, for messages.
    allowed : collection of str
        Functions of the context, which may be called as smooths are.

    Raises
    ------
    FormulaError
        When a smooth is a part of something else, or lacks what it needs.
    """
    if not any(f"{name}(" in fixed for name in SMOOTHS):
        return fixed, ()
    head, rest, smooths, curves = fixed.split(" ", 1)[0], [], [], []
    for term in read_terms(fixed):
        calls = list(_calls_in(term, allowed))
        if calls:
            smooths.append(_smooth(term, calls[0], source))
            curves.append(calls[0])
        elif render(term) != "1":
            rest.append(render(term))
    _refuse_repeated(curves, rest)
    return " + ".join([head, *rest]), tuple(smooths)


def refuse_smooths(effects: str, source: str, allowed: Collection[str]) -> None:
    """Refuse smooths among the effects of a random term, which have a spelling of their own."""
    if not any(f"{name}(" in effects for name in SMOOTHS):
        return
    for call in (call for term in read_terms(effects) for call in _calls_in(term, allowed)):
        msg = (
            f"{spelled(call)} stands among the effects of a random term of "
            f"{shorten(source.strip())!r}; a curve for each level of g is s(x, g, bs='fs')"
        )
        raise FormulaError(msg)


def _calls_in(term: Term, allowed: Collection[str]) -> Iterator[ast.Call]:
    """Yield the calls of smooths in a term."""
    for factor in term.factors:
        if factor.eval_method is Factor.EvalMethod.PYTHON:
            for node in ast.walk(read_expression(str(factor.expr))[0]):
                match node:
                    case ast.Call(func=ast.Name(id=name)) if name not in allowed:
                        if name.removeprefix(PENALIZED) in SMOOTHS:
                            yield node


def _smooth(term: Term, call: ast.Call, source: str) -> SmoothTerm:
    text, where = spelled(call), f"in {shorten(source.strip())!r}"
    if text.startswith(PENALIZED):
        msg = f"{text} {where}: the function is reserved; write {text.removeprefix(PENALIZED)}"
        raise FormulaError(msg)
    if len(term.factors) > 1:
        msg = (
            f"{text} is a factor of the product {render(term)!r} {where}; a curve for each level "
            "of a category f, or one that is multiplied by a number f, is s(x, by=f)"
        )
        raise FormulaError(msg)
    if spelled(read_expression(str(term.factors[0].expr))[0].body) != text:
        msg = f"{text} is a part of {render(term)!r} {where}; a smooth stands by itself, x + s(z)"
        raise FormulaError(msg)
    if _basis(call) == _EFFECTS:
        shown = " + ".join(f"(1 | {spelled(each)})" for each in call.args)
        msg = f"{text} {where}: random effects of a group are written {shown}"
        raise FormulaError(msg)
    _refuse_numbers(call, where)
    if not _is_by_level(call):
        return SmoothTerm(text, text, PENALIZED + text)
    if _word(call, "by"):
        msg = f"{text} {where}: bs='fs' takes no by; curves of pairs of levels are those of a:b"
        raise FormulaError(msg)
    match call:
        case ast.Call(func=ast.Name(id="s" as kind), args=[covariate, ast.Name(id=group)]):
            bends = ast.Call(ast.Name(PENALIZED + kind), [covariate], call.keywords)
            return SmoothTerm(text, "", spelled(bends), (name_of(group),))
    msg = f"{text} {where}: bs='fs' takes a covariate and a grouping column, s(x, g, bs='fs')"
    raise FormulaError(msg)


def _refuse_numbers(call: ast.Call, where: str) -> None:
    """Refuse numbers in the place of columns, as in ``s(x, 10)``."""
    for each in (*call.args, _word(call, "by")):
        if each is not None and not any(columns_in(each)):
            msg = (
                f"{spelled(call)} {where}: {spelled(each)} stands where a column is expected; the "
                f"number of columns of the basis is given by name, k={spelled(each)}"
            )
            raise FormulaError(msg)


def _refuse_repeated(calls: list[ast.Call], terms: list[str]) -> None:
    """Refuse two curves of one name, and straight lines beside curves that have them in them."""
    seen: dict[tuple[str, ...], str] = {}
    for call in calls:
        of, by = [spelled(each) for each in call.args], _word(call, "by")
        text, key = spelled(call), (spelled(call.func), *of, spelled(by) if by else "")
        if key in seen:
            msg = (
                f"{seen[key]} and {text} are curves of the same columns, of which the data "
                "determine the sum alone: keep one of them"
            )
            raise FormulaError(msg)
        seen[key] = text
        lines = [] if by or _is_by_level(call) or key[0] == "ti" else of
        for name in lines:
            if name in terms:
                msg = (
                    f"{name} + {text}: the smooth has the straight line of {name} in it; leave "
                    f"{name} out"
                )
                raise FormulaError(msg)


def _basis(call: ast.Call) -> object:
    """Return the name of the basis of a call, None of the default one."""
    basis = _word(call, "bs")
    return basis.value if isinstance(basis, ast.Constant) else None


def _is_by_level(call: ast.Call) -> bool:
    return _basis(call) == _BY_LEVEL


def _word(call: ast.Call, name: str) -> ast.expr | None:
    """Return an argument that is given by its name."""
    return next((word.value for word in call.keywords if word.arg == name), None)
