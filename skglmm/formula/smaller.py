"""Formulas with one term less, by marginality."""

from collections.abc import Iterator
from dataclasses import replace

from skglmm.formula.records import Bar, Formula
from skglmm.formula.structures import DIAGONAL, UNSTRUCTURED
from skglmm.formula.terms import read_terms, render

__all__ = ["without_one"]

_FREE = {UNSTRUCTURED, DIAGONAL}  # of whose effects some may be left


def without_one(formula: Formula, *, random: bool = False) -> Iterator[tuple[str, Formula]]:
    """Yield each term that may be left out, and the formula without it.

    That are terms which no other one contains: of ``a + b + a:b`` the product alone. The intercept
    stays.

    Parameters
    ----------
    formula : Formula
    random : bool
        Whether to leave out effects that vary between groups, too. Of several effects of a term
        one is left out, of ``(1 + x | g)`` the slope.

    Examples
    --------
    >>> from skglmm.formula import parse, without_one
    >>> for name, smaller in without_one(parse("a * b + s(z) + (x | g)"), random=True):
    ...     print(f"{name:16} {smaller}")
    a:b              1 + a + b + s(z) + (1 + x | g)
    s(z)             1 + a + b + a:b + (1 + x | g)
    x in (1 + x | g) 1 + a + b + a:b + s(z) + (1 | g)
    """
    for name, fixed in _shorter(formula.fixed):
        yield name, replace(formula, fixed=fixed)
    for smooth in formula.smooths:
        kept = tuple(each for each in formula.smooths if each is not smooth)
        if random or not smooth.group:
            yield str(smooth), replace(formula, smooths=kept)
    for place, bar in enumerate(formula.bars if random else ()):
        before, after = formula.bars[:place], formula.bars[place + 1 :]
        effects = list(_shorter(bar.effects)) if bar.structure in _FREE else []
        for name, fewer in effects:
            if fewer != "0":
                smaller = (*before, _with_effects(bar, fewer), *after)
                yield f"{name} in {bar}", replace(formula, bars=smaller)
        if all(fewer == "0" for _, fewer in effects):
            yield str(bar), replace(formula, bars=(*before, *after))


def _with_effects(bar: Bar, effects: str) -> Bar:
    """Return a bar with fewer effects; one effect is correlated with nothing."""
    structure = UNSTRUCTURED if effects == "1" else bar.structure
    return replace(bar, effects=effects, structure=structure)


def _shorter(text: str) -> Iterator[tuple[str, str]]:
    """Yield the terms of a canonical text that no other one contains, and the text without."""
    head = text.split(" ", 1)[0]
    terms = [(render(term), {str(each) for each in term.factors}) for term in read_terms(text)]
    terms = [(name, factors) for name, factors in terms if name != "1"]
    for name, factors in terms:
        if not any(factors < others for _, others in terms):
            yield name, " + ".join([head, *(other for other, _ in terms if other != name)])
