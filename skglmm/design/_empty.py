"""Terms of which no column is left: those of a category with a single level."""

from collections.abc import Iterable, Mapping

from formulaic import ModelSpec

from skglmm.exceptions import DesignError

__all__ = ["refuse_empty_effects", "single_levels"]


def single_levels(specs: Iterable[ModelSpec]) -> dict[str, str]:
    """Return the categories that give no column, each with its one level.

    Next to an intercept a category has a column less than levels.
    """
    found: dict[str, str] = {}
    for spec in specs:
        for term in (row.term for row in spec.structure if not row.columns):
            levels = _levels(spec, [str(factor.expr) for factor in term.factors])
            if not levels:
                msg = f"the term {str(term)!r} gives no column; take it out"
                raise DesignError(msg)
            found |= levels
    return found


def refuse_empty_effects(specs: Iterable[ModelSpec], factor: str) -> None:
    """Refuse effects of a grouping factor that would be named but not fitted."""
    for name, level in single_levels(specs).items():
        msg = (
            f"the effect {name!r} of {factor!r} has one level, {level!r}: it is nothing that "
            "varies beside the intercept; take it out"
        )
        raise DesignError(msg)


def _levels(spec: ModelSpec, names: Iterable[str]) -> Mapping[str, str]:
    """Return the one level of each of some factors that is a category with one."""
    known = {name: spec.encoder_state[name][1] for name in names if name in spec.encoder_state}
    categories = {name: state.get("categories", ()) for name, state in known.items()}
    return {name: str(levels[0]) for name, levels in categories.items() if len(levels) == 1}
