"""The covariance of the effects of a term, by the word of its structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from skglmm import covariance
from skglmm.design.individuals import Individuals, learn_individuals
from skglmm.design.places import Places
from skglmm.design.smooths import SMOOTH
from skglmm.exceptions import DesignError
from skglmm.syntax import terms_of

__all__ = [
    "RELATED",
    "IndexedEffects",
    "covariance_of",
    "is_indexed",
    "learn_indexed",
    "place_names",
]

IndexedEffects = Places | Individuals  # of which each row has one
# Read off the face of their package when they are asked for, as most fits need but one.
# From the number of effects of a level and the argument of the structure.
_OF_COLUMNS: dict[str, Callable[[int, str], covariance.Covariance]] = {
    "us": lambda size, _: covariance.Unstructured(size),
    "diag": lambda size, _: covariance.Diagonal(size),
    "homdiag": lambda size, _: covariance.HomogeneousDiagonal(size),
    "cs": lambda size, _: covariance.CompoundSymmetry(size),
    "homcs": lambda size, _: covariance.HomogeneousCompoundSymmetry(size),
    "rr": lambda size, rank: covariance.FactorAnalytic(size, int(rank)),
}
# From times that increase, (q,).
_OF_TIMES: dict[str, Callable[[Any], covariance.Covariance]] = {
    "ar1": lambda times: covariance.Autoregressive(len(times), times),
    "hetar1": lambda times: covariance.HeterogeneousAutoregressive(len(times), times),
    "toep": lambda times: covariance.Toeplitz(len(times)),
    "homtoep": lambda times: covariance.HomogeneousToeplitz(len(times)),
}
_IN_EQUAL_STEPS = {"toep", "homtoep"}
# From points, (q, d).
_OF_POINTS: dict[str, Callable[[], Callable[[Any], covariance.Covariance]]] = {
    "ou": lambda: covariance.OrnsteinUhlenbeck,
    "exp": lambda: covariance.Exponential,
    "gau": lambda: covariance.GaussianKernel,
    "mat": lambda: covariance.Matern,
}
RELATED = "known"


def covariance_of(structure: str, argument: str, size: int) -> covariance.Covariance:
    """Return the covariance of so many effects; that of one effect alone is its variance.

    Raises
    ------
    DesignError
        When there is no such covariance of so many effects.
    """
    if size == 1:
        return covariance.Unstructured(1)
    try:
        return _OF_COLUMNS[structure](size, argument)
    except ValueError as error:
        msg = f"{structure}(): {error}"
        raise DesignError(msg) from None


def is_indexed(structure: str) -> bool:
    """Return whether each row has one of the effects: of its time, its place, its individual."""
    return structure not in _OF_COLUMNS and structure != SMOOTH


def learn_indexed(
    frame: pd.DataFrame,
    effects: str,
    group: tuple[str, ...],
    structure: tuple[str, str],
    relationships: Mapping[str, Any] | None,
) -> tuple[IndexedEffects, covariance.Covariance]:
    """Return the effects of times, places or individuals, and their covariance.

    Parameters
    ----------
    frame : DataFrame
    effects : str
        One-sided formula of the columns of times or coordinates, or of what varies between
        individuals.
    group : tuple of str
        Grouping columns.
    structure : tuple of str
        Its word and its argument.
    relationships : mapping of str to matrix, or None

    Raises
    ------
    DesignError
        When columns are no times or places, or individuals are not all related.
    """
    word, argument = structure
    columns = place_names(effects, word)
    if word == RELATED:
        if len(group) != 1:
            msg = f"{word}() needs one column of individuals, got {':'.join(group)!r}"
            raise DesignError(msg)
        effect = columns[0] if columns else "Intercept"
        return learn_individuals(frame, group[0], effect, argument, relationships)
    if word in _OF_POINTS:
        if word == "ou" and len(columns) > 1:
            msg = f"ou() takes one column of times, got {', '.join(columns)}; exp() takes several"
            raise DesignError(msg)
        places = Places.of_points(frame, columns, word)
        return places, _OF_POINTS[word]()(places.points)
    places = Places.of_times(frame, columns[0], word)
    if word in _IN_EQUAL_STEPS and not places.are_evenly_spaced:
        msg = (
            f"{word}() has a correlation for each number of steps, and the times of "
            f"{columns[0]!r} have gaps: {_shown(places)}; ar1() and ou() take gaps, and levels of "
            "an ordered category are equal steps apart"
        )
        raise DesignError(msg)
    return places, _OF_TIMES[word](tuple(places.points[:, 0].astype(np.int64).tolist()))


def place_names(effects: str, word: str) -> list[str]:
    """Return the columns of times, coordinates or slopes; refuse expressions."""
    factors = [factor for term in terms_of(effects) for factor in term.factors]
    for factor in factors:
        if factor.eval_method.value == "python":
            msg = f"{word}() takes columns, and no expressions such as {factor.expr!r}"
            raise DesignError(msg)
    return [str(factor.expr) for factor in factors if factor.eval_method.value == "lookup"]


def _shown(places: Places) -> str:
    names = places.names
    return ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
