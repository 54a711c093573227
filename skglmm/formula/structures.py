"""Words before a random-effects term that say how its effects vary together: ``ar1(0 + t | g)``."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal, NamedTuple

__all__ = [
    "DIAGONAL",
    "STRUCTURES",
    "UNSTRUCTURED",
    "Structure",
    "argument_problem",
    "close_names",
    "close_words",
    "named",
]

# What the effects of a term are: any columns; one factor or whole number, of which each row has
# one value; one or more numbers that are times or places; an intercept or a slope.
Effects = Literal["columns", "times", "points", "one"]
UNSTRUCTURED, DIAGONAL = "us", "diag"


class Structure(NamedTuple):
    """A covariance structure, as formulas and the parameter `covariance` call it.

    Parameters
    ----------
    word : str
        In a formula: "ar1".
    name : str
        Of the parameter `covariance`: "autoregressive".
    effects : {"columns", "times", "points", "one"}
        What its effects are.
    argument : {"", "rank", "matrix"}
        What stands behind the grouping factor: ``rr(0 + species | site, 2)``.

    Examples
    --------
    >>> from skglmm.formula.structures import STRUCTURES
    >>> STRUCTURES["ar1"].name
    'autoregressive'
    """

    word: str
    name: str
    effects: Effects = "columns"
    argument: Literal["", "rank", "matrix"] = ""

    @property
    def pattern(self) -> str:
        """How a term of it is written."""
        effects = {"columns": "x", "times": "0 + t", "points": "0 + lon + lat", "one": "1"}
        arguments = {"": "", "rank": ", 2", "matrix": ", A"}
        return f"{self.word}({effects[self.effects]} | g{arguments[self.argument]})"


STRUCTURES = {
    found.word: found
    for found in (
        Structure(UNSTRUCTURED, "unstructured"),
        Structure(DIAGONAL, "diagonal"),
        Structure("homdiag", "homogeneous_diagonal"),
        Structure("cs", "compound_symmetry"),
        Structure("homcs", "homogeneous_compound_symmetry"),
        Structure("ar1", "autoregressive", "times"),
        Structure("hetar1", "heterogeneous_autoregressive", "times"),
        Structure("ou", "ornstein_uhlenbeck", "points"),
        Structure("toep", "toeplitz", "times"),
        Structure("homtoep", "homogeneous_toeplitz", "times"),
        Structure("exp", "exponential", "points"),
        Structure("gau", "gaussian", "points"),
        Structure("mat", "matern", "points"),
        Structure("rr", "factor_analytic", "columns", "rank"),
        Structure("known", "relationship", "one", "matrix"),
    )
}
_RANK = re.compile(r"[1-9]\d{0,2}")
_NEEDS = {
    "": "takes nothing beside effects and grouping factor",
    "rank": "needs a number of latent variables",
    "matrix": "needs the name of a matrix of relationships",
}
_BY_NAME = {found.name: found for found in STRUCTURES.values()}


def named(name: str) -> Structure | None:
    """Return the structure that the parameter `covariance` calls by a name, or by its word."""
    return _BY_NAME.get(name) or STRUCTURES.get(name)


def close_words(word: str) -> str:
    """Return how the structures are written that are like a word; else all words."""
    patterns = [each.pattern for each in _close(word)]
    told = f"did you mean {' or '.join(patterns)}?" if patterns else f"{_known(STRUCTURES)};"
    return f"{told} a random term without a structure is written + (1 | g)"


def close_names(name: str) -> str:
    """Return the names of structures that are like a name; else all names."""
    names = [repr(each.name) for each in _close(name)]
    return f"did you mean {' or '.join(names)}?" if names else _known(_BY_NAME)


def _close(word: str) -> list[Structure]:
    found = get_close_matches(word.lower(), [*STRUCTURES, *_BY_NAME], n=2, cutoff=0.55)
    return list(dict.fromkeys(STRUCTURES.get(each) or _BY_NAME[each] for each in found))


def _known(words: Iterable[str]) -> str:
    return f"known are {', '.join(words)}"


def argument_problem(structure: Structure, argument: str) -> str | None:
    """Return what is wrong with what a structure is given beside its effects, None if nothing."""
    is_right = {
        "": not argument,
        "rank": _RANK.fullmatch(argument) is not None,
        "matrix": argument.isidentifier(),
    }
    if is_right[structure.argument]:
        return None
    return f"{structure.name} {_NEEDS[structure.argument]}" + (
        f", got {argument!r}" if argument and structure.argument else ""
    )
