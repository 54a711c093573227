"""Formulas in lme4's notation, read as plain records of text."""

from skglmm.formula.allow import check_expressions, variables
from skglmm.formula.constraints import read_constraints
from skglmm.formula.groups import parse_groups
from skglmm.formula.limits import of_type
from skglmm.formula.records import Bar, Formula
from skglmm.formula.smaller import without_one
from skglmm.formula.split import parse
from skglmm.formula.tokens import back_quoted, quote

__all__ = [
    "Bar",
    "Formula",
    "back_quoted",
    "check_expressions",
    "of_type",
    "parse",
    "parse_groups",
    "quote",
    "read_constraints",
    "variables",
    "without_one",
]
