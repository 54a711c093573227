"""Offsets inside formulas: ``offset(log(n))`` is added to the linear predictor as it is."""

import ast
from collections.abc import Collection, Iterable

from skglmm.exceptions import FormulaError
from skglmm.formula.allow import check_expressions, expression_tree
from skglmm.formula.terms import read_terms, render
from skglmm.formula.tokens import Piece, failure

__all__ = ["cut_offsets", "refuse_offsets"]

_NAME = "offset"
_START = f"{_NAME}("
_HINT = "an offset is added as it is, once and by itself: x + offset(log(n))"


def cut_offsets(
    fixed: str, pieces: Iterable[Piece], source: str, allowed: Collection[str]
) -> tuple[str, tuple[str, ...]]:
    """Return a canonical formula without its offsets, and what these add.

    Parameters
    ----------
    fixed : str
        Canonical text, with explicit intercept.
    pieces : iterable of Piece
        Tokens of the whole formula, `source`.
    source : str
        For messages.
    allowed : collection of str
        Names of the functions that expressions may call besides the known ones.
    """
    written = [piece for piece in pieces if _is_written(piece)]
    if not written or _NAME in allowed:
        return fixed, ()
    head, rest, offsets = fixed.split(" ", 1)[0], [], []
    for term in read_terms(fixed):
        texts = [str(factor.expr) for factor in term.factors]
        if len(texts) == 1 and texts[0].startswith(_START):
            offsets.append(_inside(texts[0]))
        elif texts != ["1"]:
            rest.append(render(term))
    if len(offsets) != len(written) or any(text.startswith(_START) for text in rest):
        raise failure(_HINT, source, written[-1].start, written[-1].stop)
    for text in offsets:
        check_expressions(f"{{{text}}}", allowed)
    return " + ".join([head, *rest]), tuple(offsets)


def refuse_offsets(pieces: Iterable[Piece], source: str, allowed: Collection[str]) -> None:
    """Refuse offsets among the effects of a random term."""
    for piece in pieces:
        if _is_written(piece) and _NAME not in allowed:
            msg = "an offset is no effect of groups; take it out of the bar: + offset(x) + (1 | g)"
            raise failure(msg, source, piece.start, piece.stop)


def _is_written(piece: Piece) -> bool:
    return piece.kind == "python" and piece.token.startswith(_START)


def _inside(call: str) -> str:
    """Return the argument of ``offset(argument)``."""
    match expression_tree(call):
        case ast.Expression(body=ast.Call(func=ast.Name(), args=[argument], keywords=[])) if (
            not isinstance(argument, ast.Starred)
        ):
            return call.removeprefix(_START).removesuffix(")")
    msg = f"{call!r}: offset() has one argument, such as offset(log(n))"
    raise FormulaError(msg)
