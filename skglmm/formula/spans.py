"""Random-effects terms written as calls: ``ar1(0 + t | g)``, ``rr(0 + species | site, 2)``."""

import re
from typing import NamedTuple

from skglmm.formula.structures import STRUCTURES, UNSTRUCTURED, Structure, argument_problem
from skglmm.formula.terms import has_intercept, read_terms
from skglmm.formula.tokens import Piece, blank, failure, scan

__all__ = ["Span", "check_effects", "structured_span"]

_CALL = re.compile(r"([A-Za-z][\w.]*)\((.*)\)", re.DOTALL)
_QUOTED = re.compile(r"`[^`]*`")
_D = re.compile(r"d\s*=\s*")  # which R writes before a rank


class Span(NamedTuple):
    """A random term: tokens ``first`` to ``last``, and the texts on the sides of its bar.

    The texts are blank before their parts, so that places stay. `structure` and `argument` are
    those of a `Bar`, `key` is the name between two bars.
    """

    first: int
    last: int
    effects: str
    group: str
    structure: str = UNSTRUCTURED
    key: str | None = None
    argument: str = ""


def structured_span(text: str, pieces: list[Piece], index: int) -> Span | None:
    """Return the term that a call of a structure is; None for other calls."""
    call = pieces[index]
    found = _CALL.fullmatch(call.token.strip())
    if found is None or found[1] not in STRUCTURES:
        return None
    structure = STRUCTURES[found[1]]
    start = call.start + call.token.index("(") + 1
    stop = call.start + call.token.rindex(")")
    inside, comma = blank(text, start, stop), _comma(text, start, stop)
    body = inside if comma is None else blank(text, start, comma)
    bars = [piece for piece in scan(body) if piece.kind == "operator" and "|" in piece.token]
    if not bars:
        return None
    if len(bars) != 1 or text[bars[0].start : bars[0].stop].strip() != "|":
        msg = f"expected {structure.word}(effects | group), with one bar"
        raise failure(msg, text, call.start, call.stop)
    argument = _argument(structure, text, call, comma, stop)
    effects, group = blank(body, 0, bars[0].start), blank(body, bars[0].stop, len(body))
    return Span(index, index, effects, group, structure.word, None, argument)


def _comma(text: str, start: int, stop: int) -> int | None:
    """Return the place of the first comma that stands in no quotes and no parentheses."""
    plain = _QUOTED.sub(lambda found: "_" * len(found[0]), text[start:stop])
    depth = 0
    for place, letter in enumerate(plain):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            return start + place
    return None


def _argument(structure: Structure, text: str, call: Piece, comma: int | None, stop: int) -> str:
    """Return what stands behind the grouping factor, in one spelling."""
    given = "" if comma is None else text[comma + 1 : stop].strip()
    given = _D.sub("", given) if structure.argument == "rank" else given
    problem = argument_problem(structure, given)
    if problem is None:
        return given
    places = (call.start, call.stop) if comma is None else (comma, stop)
    raise failure(f"{problem}; write {structure.pattern}", text, *places)


def check_effects(word: str, effects: str, text: str, given: str) -> None:
    """Raise a FormulaError where a structure has no such effects.

    Parameters
    ----------
    word : str
        Of the structure.
    effects : str
        In canonical spelling.
    text : str
        The formula, for messages.
    given : str
        The effects as they stand in it, blank before.
    """
    problem = _problem(STRUCTURES[word], effects)
    if problem:
        start = len(given) - len(given.lstrip())
        raise failure(problem, text, start, len(given.rstrip()))


def _problem(structure: Structure, effects: str) -> str | None:
    if structure.effects == "columns":
        return None
    names = [[str(factor.expr) for factor in term.factors] for term in read_terms(effects)]
    pattern, word = structure.pattern, structure.word
    if structure.effects == "one":
        return None if len(names) == 1 else f"{word}() has one effect of a level, {pattern}"
    if has_intercept(effects):
        return f"{word}() has an effect of each time or place, and no intercept; write {pattern}"
    if any(len(factors) > 1 for factors in names):
        return f"{word}() takes columns, and no products of them; write {pattern}"
    if structure.effects == "times" and len(names) > 1:
        return f"{word}() takes one column of times, got {len(names)}; write {pattern}"
    return None
