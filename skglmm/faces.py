"""Faces of packages that import what they show when it is asked for.

The package as a whole has some six hundred modules, and a fit needs half of them: tables,
pictures and other families come when they are used (PEP 562).
"""

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_face"]


def lazy_face(
    package: str, homes: Mapping[str, str], rooms: Collection[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and the `__dir__` of a package.

    Type checkers and import-linter read the imports beside it, under ``TYPE_CHECKING``; a test
    compares the two.

    Parameters
    ----------
    package : str
        Its name, ``__name__``.
    homes : mapping
        From the names of modules to the names that each of them defines, with spaces between.
    rooms : collection of str, default=()
        Packages inside, which are attributes without having been imported.

    Returns
    -------
    tuple of callable
        The two functions.

    Examples
    --------
    >>> show, names = lazy_face("skglmm.families", {"skglmm.families.counts.poisson": "Poisson"})
    >>> show("Poisson").__name__
    'Poisson'
    >>> "Poisson" in names()
    True
    """
    where = {name: home for home, names in homes.items() for name in names.split()}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in rooms:
            return import_module(f"{package}.{name}")
        if name not in where:
            text = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=sys.modules[package])
        found = getattr(import_module(where[name]), name)
        setattr(sys.modules[package], name, found)  # the next time it is just there
        return found

    def __dir__() -> list[str]:  # noqa: N807
        return sorted({*vars(sys.modules[package]), *where, *rooms})

    return __getattr__, __dir__
