"""Terms of which no column is left: those of a category with a single level."""

from collections.abc import Iterable

from skglmm.design.matrices.matrix import MatrixSpec, TermColumns, label_of
from skglmm.design.smooths import SMOOTH
from skglmm.exceptions import DesignError

__all__ = ["refuse_empty_effects", "single_levels"]


def single_levels(specs: Iterable[MatrixSpec]) -> dict[str, str]:
    """Return the categories that give no column, each with its one level.

    Next to an intercept a category has a column less than levels.
    """
    found: dict[str, str] = {}
    for spec in specs:
        for term in (term for term in spec.terms if not term.columns):
            levels = _levels(spec, term)
            if SMOOTH in spec.states.get(str(term), {}):  # a smooth all of which is penalized
                continue
            if not levels:
                msg = f"the term {str(term)!r} gives no column; take it out"
                raise DesignError(msg)
            found |= levels
    return found


def refuse_empty_effects(specs: Iterable[MatrixSpec], factor: str) -> None:
    """Refuse effects of a grouping factor that would be named but not fitted."""
    for name, level in single_levels(specs).items():
        msg = (
            f"the effect {name!r} of {factor!r} has one level, {level!r}: it is nothing that "
            "varies beside the intercept; take it out"
        )
        raise DesignError(msg)


def _levels(spec: MatrixSpec, term: TermColumns) -> dict[str, str]:
    """Return the one level of each factor of a term that is a category with one."""
    known = {label_of(factor): spec.levels(factor) for factor in term.factors}
    return {name: str(levels[0]) for name, levels in known.items() if len(levels) == 1}
