"""Expressions of formulas, evaluated: each name is bound to what it stands for, and no other."""

import ast
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from skglmm.design.smooths import SmoothColumns
from skglmm.exceptions import DesignError
from skglmm.syntax import columns_in, name_of, read_expression, spelled

__all__ = ["Names", "evaluate"]


@dataclass(frozen=True)
class Names:
    """What the names in expressions stand for.

    Parameters
    ----------
    columns : mapping of str to array
        Where they are not called.
    functions : mapping of str to object
        Where they are called, and where they name no column.
    states : mapping of str to dict
        What each call, by its text, has learned; new ones are added.
    learns : bool
        Whether calls may learn from these columns.
    shared : mapping of str to object
        What formulaic hands to functions that learn, besides their state.
    """

    columns: Mapping[str, Any]
    functions: Mapping[str, Any]
    states: MutableMapping[str, Any]
    learns: bool
    shared: dict[str, Any]

    def called(self, name: str, call: ast.Call) -> Any:
        """Return a function; one that learns gets what it has learned."""
        function = self.function(name)
        if not getattr(function, "__is_stateful_transform__", False):
            return function
        text = spelled(call)
        if text not in self.states and not self.learns:
            msg = f"fit has kept nothing that {text!r} has learned; fit the model again"
            raise DesignError(msg)
        if isinstance(function, SmoothColumns):  # of which two kinds learn the same
            return partial(function, _states=self.states, _text=text)
        return partial(function, _state=self.states.setdefault(text, {}), **self.shared)

    def value(self, name: str) -> Any:
        """Return a column, or else a function or a constant."""
        return self.columns[name] if name in self.columns else self.function(name)

    def function(self, name: str) -> Any:
        """Return a function."""
        if name not in self.functions:
            msg = f"name {name!r} is not defined"
            raise NameError(msg)
        return self.functions[name]


def evaluate(text: str, names: Names) -> Any:
    """Evaluate an expression that has been checked.

    Parameters
    ----------
    text : str
    names : Names

    Raises
    ------
    Exception
        Whatever its functions raise.
    """
    tree, _ = read_expression(text)
    binder = _Binder(_values(tree, names))
    code = compile(ast.fix_missing_locations(binder.visit(tree)), "<formula>", "eval")
    return eval(code, {"__builtins__": {}, **binder.bound})


def _values(tree: ast.AST, names: Names) -> dict[ast.AST, Any]:
    """Return what each node that is a name stands for."""
    found: dict[ast.AST, Any] = {node: names.value(name) for node, name in columns_in(tree)}
    for node in ast.walk(tree):  # calls come before their functions
        match node:
            case ast.Call(func=ast.Name(id=head) as function) if node not in found:
                found[function] = names.called(name_of(head), node)
            case ast.Name(id=name) if node not in found:
                found[node] = names.function(name_of(name))
    return found


@dataclass(frozen=True)
class _Binder(ast.NodeTransformer):
    """Puts numbered names in place of columns and functions, which may be called alike."""

    values: Mapping[ast.AST, Any]
    bound: dict[str, Any] = field(default_factory=dict)

    def visit(self, node: ast.AST) -> Any:
        """Return a name for a node that stands for a value, and other nodes with such names."""
        if node not in self.values:
            return self.generic_visit(node)
        name = f"_{len(self.bound)}"
        self.bound[name] = self.values[node]
        return ast.Name(name, ast.Load())
