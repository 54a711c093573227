"""How formulas are cut: names, expressions and terms, without a look at any data."""

from skglmm.syntax._expressions import CODINGS, columns_in, read_expression, spelled
from skglmm.syntax._identifiers import name_of, named, restored, spell
from skglmm.syntax._letters import lettered
from skglmm.syntax._patterns import pattern_of
from skglmm.syntax._pieces import Piece, cut
from skglmm.syntax._terms import Reading, terms_of

__all__ = [
    "CODINGS",
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
