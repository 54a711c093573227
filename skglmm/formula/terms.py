"""Terms of a one-sided formula, and the one text that all its spellings share."""

import re

from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term

from skglmm.exceptions import FormulaError
from skglmm.formula.expansion import refuse_explosion
from skglmm.formula.limits import (
    MOST_DEPTH,
    MOST_EXPANDED,
    MOST_TERMS,
    refuse_length,
    refuse_number,
    refuse_operands,
    shorten,
)
from skglmm.formula.tokens import failure, misread, quote, scan
from skglmm.syntax import Reading

__all__ = ["canonical", "has_intercept", "read_terms", "render"]

_INTERCEPT = "1"
_POWER = re.compile("[1-9]")


def read_terms(text: str, *, source: str | None = None, intercept: bool = True) -> list[Term]:
    """Read the terms of a one-sided formula, those of fewest factors first; evaluate nothing.

    `source` is the whole formula that errors show; its places are those of `text`.
    """
    source = text if source is None else source
    _refuse_oddities(text, source)
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    try:
        reading = Reading.of(text)
        refuse_explosion(reading.tree(intercept=intercept), text, reading.longest)
        terms = reading.terms(intercept=intercept)
        refuse_number(len(terms), MOST_TERMS + 1, "terms", text)
        return terms
    except FormulaicError as error:
        raise misread(error, source, lead) from None
    except FormulaError:
        raise
    except RecursionError:
        msg = f"the formula {shorten(text)!r} is nested more than {MOST_DEPTH} deep"
        raise FormulaError(msg) from None
    except (SyntaxError, TypeError, ValueError, IndexError, MemoryError) as error:
        msg = f"cannot read the formula {shorten(text)!r}: {error}"
        raise FormulaError(msg) from None


def canonical(text: str, *, source: str | None = None) -> str:
    """Return the text of a one-sided formula that all its spellings share.

    The intercept is explicit, ``"1 + x"`` or ``"0 + x"``; products are expanded.
    """
    terms = read_terms(text, source=source)
    written = [render(term) for term in terms if not _is_intercept(term)]
    head = _INTERCEPT if len(written) < len(terms) else "0"
    expanded = " + ".join([head, *written])
    refuse_length(expanded, "the formula, its products written out,", MOST_EXPANDED)
    return expanded


def has_intercept(text: str) -> bool:
    """Return whether a canonical formula has an intercept."""
    return text.split(" ", 1)[0] == _INTERCEPT


def _is_intercept(term: Term) -> bool:
    return render(term) == _INTERCEPT


def render(term: Term) -> str:
    """Return the text of a term; no two terms share one."""
    return ":".join(_render_factor(factor) for factor in term.factors)


def _render_factor(factor: Factor) -> str:
    text = str(factor.expr)
    if factor.eval_method.value == "lookup":
        return quote(text)
    if factor.eval_method.value == "literal":
        return text
    pieces = scan(text)
    is_call = len(pieces) == 1 and pieces[0].kind == "python" and pieces[0].token == text
    return text if is_call else f"{{{text}}}"


def _refuse_oddities(text: str, source: str) -> None:
    before, pieces = "", scan(text)
    refuse_operands(pieces, source)
    for piece in pieces:
        place = (source, piece.start, piece.stop)
        if piece.token == "." and piece.kind != "name":
            msg = "'.' is not read; formula=None takes every column of X, otherwise name them"
            raise failure(msg, *place)
        if piece.kind == "context" and piece.token in "[]":
            raise failure("square brackets cannot be used; write parentheses", *place)
        if piece.kind == "operator" and "~" in piece.token:
            raise failure("'~' can stand only once, after the name of the response", *place)
        if before.endswith(("**", "^")) and not _POWER.fullmatch(piece.token):
            msg = "a power of terms must be a whole number from 1 to 9"
            raise failure(msg, *place)
        before = piece.token if piece.kind == "operator" else ""
