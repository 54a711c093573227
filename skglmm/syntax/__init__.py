"""How formulas are cut: names, expressions and terms, without a look at any data."""

from skglmm.syntax.expressions import CODINGS, columns_in, read_expression, spelled
from skglmm.syntax.identifiers import name_of, named, pattern_of, restored, spell
from skglmm.syntax.letters import lettered
from skglmm.syntax.pieces import Piece, cut
from skglmm.syntax.smooths import PENALIZED, SMOOTHS
from skglmm.syntax.terms import Reading, terms_of

__all__ = [
    "CODINGS",
    "PENALIZED",
    "SMOOTHS",
    "Piece",
    "Reading",
    "columns_in",
    "cut",
    "lettered",
    "name_of",
    "named",
    "pattern_of",
    "read_expression",
    "restored",
    "spell",
    "spelled",
    "terms_of",
]
