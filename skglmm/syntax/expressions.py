"""Expressions inside formulas, read by Python's own parser; nothing is evaluated."""

import ast
import copy
import keyword
import re
from collections.abc import Iterator

from skglmm.syntax.identifiers import QUOTED, identifiers_in, name_of, spell

__all__ = ["CODINGS", "columns_in", "read_expression", "spelled"]

CODINGS = frozenset({"Sum", "Helmert", "Poly", "Diff"})  # C(c, Sum) needs no parentheses


def read_expression(text: str) -> tuple[ast.Expression, dict[str, str]]:
    """Parse an expression whose names may be any text in back quotes.

    Returns
    -------
    tree : ast.Expression
        Its names are identifiers.
    names : dict of str to str
        The name that each identifier of the tree stands for.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        Those of Python's parser.
    """
    try:
        tree = ast.parse(identifiers_in(text), mode="eval")
    except SyntaxError as error:
        raise SyntaxError(_told(error, text)) from None
    found = (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return tree, {identifier: name_of(identifier) for identifier in found}


def spelled(node: ast.AST) -> str:
    """Return the text of an expression, in the one way that all its spellings share.

    Names are as users write them, in back quotes where needed.
    """
    return ast.unparse(_Spelling().visit(copy.deepcopy(node))).replace("\n", " ")


class _Spelling(ast.NodeTransformer):
    """Names in place of identifiers."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        name = name_of(node.id)
        return node if name == node.id else ast.Name(spell(name), node.ctx)


def columns_in(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Yield the nodes that may stand for columns, each with the name.

    These are names that are not called, have no members and code no category, and ``Q("name")``.
    """
    todo = [tree]
    while todo:
        node = todo.pop()
        match node:
            case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str(name))], keywords=[]):
                yield node, name
                continue
            case ast.Name(id=name):
                yield node, name_of(name)
        todo.extend(reversed(list(_children(node))))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that are neither its function nor what it is a member of."""
    heads = [getattr(node, "func", None), _coding(node)]
    heads.append(node.value if isinstance(node, ast.Attribute) else None)
    for child in ast.iter_child_nodes(node):
        if not any(child is head for head in heads) or not isinstance(child, ast.Name):
            yield child


def _coding(node: ast.AST) -> ast.Name | None:
    """Return the name that codes a category in ``C(c, Sum)``."""
    match node:
        case ast.Call(func=ast.Name(id="C"), args=[_, ast.Name(id=name) as coding, *_]):
            return coding if name in CODINGS else None
    return None


def _told(error: SyntaxError, text: str) -> str:
    """Return what is wrong, and the words of Python that are perhaps meant as columns."""
    words = re.findall(r"\w+", QUOTED.sub(" ", text))
    word = next(filter(keyword.iskeyword, words), None)
    hint = f"; a column named {word!r} is written in back quotes, `{word}`" if word else ""
    return error.msg + hint
