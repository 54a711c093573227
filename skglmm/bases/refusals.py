"""Words of errors about smooth terms."""

from collections.abc import Sequence

__all__ = ["listed"]


def listed(columns: Sequence[str]) -> str:
    """Return names in quotes: ``'x' and 'z'``."""
    quoted = [f"'{name}'" for name in columns]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else quoted[0]
