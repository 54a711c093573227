"""Start a process of a `Crew`, which imports of the package only what it is asked for.

This file runs as a program. All estimators, and the libraries that read formulas and frames, would
take a process a second more to import than the numerical core that it needs.
"""

import ast
import pickle
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["SparingFinder"]

PACKAGE = "skglmm"


class _Face(ModuleType):
    """A package that imports a name that its `__init__` imports when somebody asks for it."""

    def __getattr__(self, name: str) -> Any:
        sources = vars(self).get("_sources", {})
        if name not in sources:
            if find_spec(f"{self.__name__}.{name}") is not None:  # to be imported
                raise AttributeError(name)
            self._execute()
            return ModuleType.__getattribute__(self, name)
        found = getattr(import_module(sources[name]), name)
        setattr(self, name, found)
        return found

    def _execute(self) -> None:
        """Import all that the package has."""
        self.__class__ = ModuleType  # type: ignore[assignment]  # an ordinary one
        assert self.__spec__ is not None
        SourceFileLoader(self.__name__, str(self.__file__)).exec_module(self)


class _FaceLoader(SourceFileLoader):
    """Reads from the source of an `__init__` where its names come from, and leaves it at that."""

    def exec_module(self, module: ModuleType) -> None:
        tree = ast.parse(Path(self.path).read_bytes())
        froms = [node for node in tree.body if isinstance(node, ast.ImportFrom) and not node.level]
        vars(module)["_sources"] = {
            alias.name: node.module
            for node in froms
            for alias in node.names
            if alias.asname is None
        }
        module.__class__ = _Face


class SparingFinder(PathFinder):
    """Finds the package and those within it, without importing what their `__init__` imports."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find what is of the package; the other finders look for everything else."""
        if fullname.split(".", maxsplit=1)[0] != PACKAGE:
            return None
        spec = super().find_spec(fullname, path, target)
        is_package = spec is not None and spec.submodule_search_locations is not None
        if spec is not None and is_package and type(spec.loader) is SourceFileLoader:
            spec.loader = _FaceLoader(fullname, spec.loader.path)
        return spec


if __name__ == "__main__":
    sys.path[:] = pickle.load(sys.stdin.buffer)
    sys.meta_path.insert(0, SparingFinder)
    import_module("skglmm.parts.worker").serve()
