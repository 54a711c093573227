"""Smooth terms, ``s(x)``: curves of the fixed part, penalized as random effects are."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from formulaic.parser.types import Factor, Term

from skglmm.exceptions import FormulaError
from skglmm.formula.limits import shorten
from skglmm.formula.terms import read_terms, render
from skglmm.syntax import PENALIZED, SMOOTHS, name_of, read_expression, spelled

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
    head, rest, smooths = fixed.split(" ", 1)[0], [], []
    known: dict[str, SmoothTerm] = {}  # by what the curve is called
    for term in read_terms(fixed):
        calls = list(_calls_in(term, allowed))
        if calls:
            smooths.append(_smooth(term, calls[0], source))
            twin = known.setdefault(_curve(calls[0], smooths[-1]), smooths[-1])
            if twin is not smooths[-1]:
                msg = (
                    f"{twin} and {smooths[-1]} in {shorten(source.strip())!r} are curves of the "
                    "same columns, of which the data determine the sum alone: keep one of them"
                )
                raise FormulaError(msg)
        elif render(term) != "1":
            rest.append(render(term))
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
    basis = _basis(call)
    if basis == _EFFECTS:
        shown = " + ".join(f"(1 | {spelled(each)})" for each in call.args)
        msg = f"{text} {where}: random effects of a group are written {shown}"
        raise FormulaError(msg)
    if basis != _BY_LEVEL:
        return SmoothTerm(text, text, PENALIZED + text)
    if any(word.arg == "by" for word in call.keywords):
        msg = f"{text} {where}: bs='fs' takes no by; curves of pairs of levels are those of a:b"
        raise FormulaError(msg)
    match call:
        case ast.Call(func=ast.Name(id="s" as kind), args=[covariate, ast.Name(id=group)]):
            bends = ast.Call(ast.Name(PENALIZED + kind), [covariate], call.keywords)
            return SmoothTerm(text, "", spelled(bends), (name_of(group),))
    msg = f"{text} {where}: bs='fs' takes a covariate and a grouping column, s(x, g, bs='fs')"
    raise FormulaError(msg)


def _curve(call: ast.Call, smooth: SmoothTerm) -> str:
    """Return what a curve is a function of, what it is multiplied by, and whose it is."""
    own = [word for word in call.keywords if word.arg == "by"]
    return spelled(ast.Call(call.func, call.args, own)) + "".join(smooth.group)


def _basis(call: ast.Call) -> object:
    """Return the name of the basis of a call, None of the default one."""
    for word in call.keywords:
        if word.arg == "bs" and isinstance(word.value, ast.Constant):
            return word.value.value
    return None
