"""Formulas in lme4's notation, read as plain records of text."""

from skglmm.formula._allow import check_expressions, variables
from skglmm.formula._constraints import read_constraints
from skglmm.formula._groups import parse_groups
from skglmm.formula._records import Bar, Formula
from skglmm.formula._split import parse
from skglmm.formula._tokens import quote

__all__ = [
    "Bar",
    "Formula",
    "check_expressions",
    "parse",
    "parse_groups",
    "quote",
    "read_constraints",
    "variables",
]
