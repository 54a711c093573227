"""The covariance of the effects of a term, by the word of its structure."""

from collections.abc import Callable

from skglmm.covariance import CompoundSymmetry, Covariance, Diagonal, Unstructured
from skglmm.exceptions import DesignError

__all__ = ["covariance_of"]

# From the number of effects of a level and the argument of the structure.
_OF_COLUMNS: dict[str, Callable[[int, str], Covariance]] = {
    "us": lambda size, _: Unstructured(size),
    "diag": lambda size, _: Diagonal(size),
    "cs": lambda size, _: CompoundSymmetry(size),
}


def covariance_of(structure: str, argument: str, size: int) -> Covariance:
    """Return the covariance of so many effects; that of one effect alone is its variance.

    Raises
    ------
    DesignError
        When there is no such covariance of so many effects.
    """
    if size == 1:
        return Unstructured(1)
    if structure not in _OF_COLUMNS:
        msg = f"random effects with the structure {structure}() cannot be fitted yet"
        raise DesignError(msg)
    return _OF_COLUMNS[structure](size, argument)
