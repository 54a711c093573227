"""Terms of a one-sided formula: formulaic multiplies them out, with letters for their factors."""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from formulaic.errors import FormulaicError, FormulaSyntaxError
from formulaic.parser import DefaultFormulaParser
from formulaic.parser.types import Factor, Term

from skglmm.syntax.expressions import read_expression, spelled
from skglmm.syntax.identifiers import name_of
from skglmm.syntax.letters import lettered
from skglmm.syntax.pieces import Piece, cut

__all__ = ["Reading", "terms_of"]

_PARSERS = {
    intercept: DefaultFormulaParser(
        include_intercept=intercept, feature_flags=DefaultFormulaParser.FeatureFlags.NONE
    )
    for intercept in (True, False)
}
_FACTORS = {"name", "python"}
_MARKED = re.compile("(.*)⧛(.*)⧚(.*)", re.DOTALL)
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Reading:
    """A one-sided formula of which formulaic reads the operators only.

    Parameters
    ----------
    source : str
        The formula.
    text : str
        The same, as long, with a letter for each name and each expression.
    factors : mapping of str to Factor
        What the letters stand for.
    """

    source: str
    text: str
    factors: Mapping[str, Factor]

    @classmethod
    def of(cls, source: str) -> "Reading":
        """Read a formula.

        Raises
        ------
        FormulaicError
            When it cannot be cut into tokens.
        SyntaxError, ValueError, RecursionError, MemoryError
            When an expression cannot be parsed.
        """
        pieces = cut(source)
        _refuse_neighbors(source, pieces)
        places = [(piece, _factor(piece)) for piece in pieces if piece.kind in _FACTORS]
        letters = lettered(_key(factor) for _, factor in places)
        text = list(source)
        for piece, factor in places:
            letter = letters[_key(factor)]
            text[piece.start : piece.stop] = letter.ljust(piece.stop - piece.start)
        factors = {letters[_key(factor)]: factor for _, factor in places}
        return cls(source, "".join(text), factors)

    @property
    def longest(self) -> int:
        """Number of letters of the longest name or expression."""
        return max((len(factor.expr) for factor in self.factors.values()), default=0)

    def tree(self, *, intercept: bool = True) -> Any:
        """Return formulaic's syntax tree; its names are letters."""
        return self._told(lambda: _PARSERS[intercept].get_ast(self.text))

    def terms(self, *, intercept: bool = True) -> list[Term]:
        """Return the terms, those of fewest factors first."""
        found = self._told(lambda: _PARSERS[intercept].get_terms(self.text))
        terms = [Term([self.factors.get(f.expr, f) for f in term.factors]) for term in found]
        return sorted(terms, key=lambda term: int(term.degree))

    def _told(self, parse: Callable[[], Any]) -> Any:
        """Return what formulaic's parser gives; its errors show the names, not the letters."""
        try:
            return parse()
        except FormulaicError as error:
            message, _, marked = _COLORS.sub("", str(error)).partition("\n\n")
            for letter, factor in self.factors.items():
                message = message.replace(letter, factor.expr)
            raise FormulaSyntaxError("\n\n".join([message, *self._marks(marked)])) from None

    def _marks(self, marked: str) -> list[str]:
        """Return the formula with formulaic's marks around whole names."""
        found = _MARKED.fullmatch(marked)
        if not found:
            return []
        start, stop = len(found[1]), len(found[1]) + len(found[2])
        stop = max([stop, *(p.stop for p in cut(self.source) if p.start < stop <= p.stop)])
        return [f"{self.source[:start]}⧛{self.source[start:stop]}⧚{self.source[stop:]}"]


@lru_cache(maxsize=256)  # one model is read again and again, in searches and in resampling
def terms_of(text: str) -> tuple[Term, ...]:
    """Return the terms of a one-sided formula that has been read before."""
    return tuple(Reading.of(text).terms())


def _factor(piece: Piece) -> Factor:
    """Return the column or the expression of a token; braces around a name are nothing."""
    if piece.kind == "name":
        return Factor(piece.token, eval_method="lookup")
    tree, _ = read_expression(piece.token)
    if isinstance(tree.body, ast.Name):
        return Factor(name_of(tree.body.id), eval_method="lookup")
    return Factor(spelled(tree), eval_method="python")


def _key(factor: Factor) -> tuple[str, str]:
    return factor.eval_method.value, factor.expr


def _refuse_neighbors(text: str, pieces: Sequence[Piece]) -> None:
    """Refuse names without a blank between them, as their letters would make one word."""
    operands = {"value", *_FACTORS}
    for one, other in pairwise(pieces):
        if one.stop == other.start and {one.kind, other.kind} <= operands:
            marked = f"{text[: one.start]}⧛{text[one.start : other.stop]}⧚{text[other.stop :]}"
            msg = f"Missing operator between `{one.token}` and `{other.token}`.\n\n{marked}"
            raise FormulaSyntaxError(msg)
