"""Random-effects terms made of the two sides of a bar, in an order that no spelling changes."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from skglmm.exceptions import FormulaError
from skglmm.formula.allow import check_expressions
from skglmm.formula.offsets import refuse_offsets
from skglmm.formula.records import Bar
from skglmm.formula.smooths import refuse_smooths
from skglmm.formula.spellings import refuse_spellings
from skglmm.formula.structures import STRUCTURES, UNSTRUCTURED
from skglmm.formula.terms import canonical, has_intercept, read_terms, render
from skglmm.formula.tokens import Piece, failure, scan

__all__ = ["make_bars", "read_effects", "read_group", "settle"]

_CODED = re.compile(r"C\((\w+|`[^`]+`)\)")
_QUOTED = re.compile(r"Q\((['\"])([^`]*)\1\)")  # as patsy writes names that are no words


def read_effects(text: str, source: str, allowed: Collection[str]) -> str:
    """Return the canonical effects of a term; they must have at least one column."""
    start, stop = _extent(text)
    pieces = scan(text)
    if not pieces:
        msg = "no effects before the bar; write (1 | g) for an intercept of each group"
        raise failure(msg, source, start, stop)
    for piece in pieces:
        if piece.kind == "operator" and "|" in piece.token:
            raise failure("a random term has one bar", source, piece.start, piece.stop)
    refuse_spellings(pieces, source, allowed)
    refuse_offsets(pieces, source, allowed)
    effects = canonical(text, source=source)
    check_expressions(effects, allowed)
    refuse_smooths(effects, source, allowed)
    if effects == "0":
        raise failure("the term has no effects: 0 removes its intercept", source, start, stop)
    return effects


def read_group(text: str, source: str) -> list[tuple[str, ...]]:
    """Return the columns of each grouping factor: ``a/b`` is ``a`` and ``a:b``."""
    start, stop = _extent(text)
    pieces = scan(text)
    if not any(piece.kind != "context" for piece in pieces):
        raise failure("no grouping factor after the bar; write (x | g)", source, start, stop)
    for piece in pieces:
        problem = _problem_of_group(piece)
        if problem:
            raise failure(problem, source, piece.start, piece.stop)
    terms = read_terms(text, source=source, intercept=False)
    return [tuple(str(factor.expr) for factor in term.factors) for term in terms]


def make_bars(
    effects: str,
    groups: Iterable[tuple[str, ...]],
    structure: str = UNSTRUCTURED,
    key: str | None = None,
    argument: str = "",
) -> list[Bar]:
    """Return one term for each grouping factor; one intercept is correlated with nothing."""
    if effects == "1" and STRUCTURES[structure].effects == "columns":
        structure, argument = UNSTRUCTURED, ""
    return [Bar(effects, group, structure, argument, key) for group in groups]


def settle(bars: Iterable[Bar]) -> tuple[Bar, ...]:
    """Sort the terms, call ``a:b`` and ``b:a`` the same, and refuse effects given twice.

    Terms with one key become one term.
    """
    by_factor: dict[frozenset[str], list[Bar]] = defaultdict(list)
    for bar in bars:
        by_factor[frozenset(bar.group)].append(bar)
    settled = []
    for members in by_factor.values():
        _refuse_repeated_effects(members)
        group = min(bar.group for bar in members)
        settled += [replace(bar, group=group) for bar in _joined(members)]
    return tuple(sorted(settled, key=_rank))


def _joined(bars: Iterable[Bar]) -> list[Bar]:
    joined: dict[object, Bar] = {}
    for place, bar in enumerate(bars):
        before = joined.setdefault(bar.key or place, bar)
        if before is not bar:
            joined[bar.key or place] = replace(before, effects=_sum(before.effects, bar.effects))
    return list(joined.values())


def _sum(one: str, other: str) -> str:
    """Return the canonical effects of two terms, of which one at most has an intercept."""
    head = "1" if has_intercept(one) or has_intercept(other) else "0"
    rest = [text.partition(" + ")[2] for text in (one, other)]
    return " + ".join([head, *filter(None, rest)])


def _rank(bar: Bar) -> tuple[tuple[str, ...], bool, str, str]:
    return bar.group, not has_intercept(bar.effects), bar.effects, bar.structure


def _extent(text: str) -> tuple[int, int]:
    """Return where a text that is blank outside a part has that part, one place at least."""
    stop = len(text.rstrip()) or len(text)
    return min(len(text) - len(text.lstrip()), stop - 1 if stop else 0), stop


def _problem_of_group(piece: Piece) -> str | None:
    if piece.kind == "python":
        named, coded = _QUOTED.fullmatch(piece.token), _CODED.fullmatch(piece.token)
        hint = f"; write the name in back quotes, `{named[2]}`" if named else ""
        if coded:
            hint = f"; texts, categories and whole numbers need no C(), write {coded[1]}"
        return f"a grouping factor is a column, not an expression such as {piece.token!r}{hint}"
    if piece.kind == "value":
        return f"a grouping factor is a column, not the value {piece.token}"
    if piece.kind != "operator" or piece.token in {":", "/"}:
        return None
    if "|" in piece.token:
        return "a random term has one bar"
    if piece.token in {"+", "*"}:
        return (
            f"grouping factors cannot be joined with {piece.token!r}; write a term for each, "
            "(1 | a) + (1 | b), or a:b or a/b"
        )
    return f"{piece.token!r} cannot stand among grouping factors; use : or /"


def _refuse_repeated_effects(bars: list[Bar]) -> None:
    seen: dict[str, Bar] = {}
    for bar in bars:
        for name in _effects_of(bar):
            if name in seen:
                what = "an intercept" if name == "1" else f"the effect {name!r}"
                short = "; (1 | a/b) stands for (1 | a) + (1 | a:b)" if name == "1" else ""
                msg = (
                    f"{seen[name]} and {bar} both have {what} for the same grouping factor; "
                    f"give each effect once{short}"
                )
                raise FormulaError(msg)
            seen[name] = bar


def _effects_of(bar: Bar) -> list[str]:
    """Return what may be given once: a column, all times or places, or related individuals."""
    names = [render(term) for term in read_terms(bar.effects)]
    if STRUCTURES[bar.structure].effects == "columns":
        return names
    return [f"{' + '.join(names)} of each {bar.argument or 'time or place'}"]
