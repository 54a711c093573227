"""The allow-list: what an expression inside a formula may say, checked before evaluation."""

import ast
from collections.abc import Collection, Iterator
from typing import Any

from skglmm.exceptions import FormulaError
from skglmm.formula.arguments import data_of, is_text, object_to_arguments, takes_data
from skglmm.formula.functions import known_functions
from skglmm.formula.limits import (
    MOST_DEPTH,
    MOST_DIGITS,
    STEEPEST,
    depth,
    is_moderate,
    shorten,
)
from skglmm.formula.terms import read_terms
from skglmm.syntax import columns_in, name_of, read_expression, restored

__all__ = ["check_expressions", "expression_tree", "variables"]

_KNOWN = known_functions()
_FUNCTIONS = frozenset(name for name in _KNOWN if "." not in name)
_OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.UAdd, ast.USub),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_SEQUENCES = (ast.Tuple, ast.List)
_SIZED = frozenset(
    {"bs", "cr", "cs", "cc", "poly", "s", "te", "ti", "t2"}
)  # functions that make several columns
_BAR = "'|' stands inside a function call or braces; a random term is written + (1 | g)"


def check_expressions(text: str, allowed: Collection[str] = ()) -> None:
    """Refuse a formula that would evaluate anything outside the allow-list.

    Formulas are evaluated by Python. Allowed are names, numbers, texts, arithmetic,
    comparison, and calls of known functions; nothing is evaluated here.

    Parameters
    ----------
    text : str
        One-sided formula without random-effect terms, e.g. ``"1 + log(x)"``.
    allowed : collection of str, default=()
        Names of further functions, those of the estimator's `context`.

    Raises
    ------
    FormulaError
        When the formula cannot be read, or an expression holds anything else.

    Examples
    --------
    >>> from skglmm.formula import check_expressions
    >>> check_expressions("1 + log(x) + poly(z, 2)")
    """
    trusted = frozenset(allowed)
    for term in read_terms(text):
        for factor in term.factors:
            if factor.eval_method.value == "python":
                _check(factor.expr, trusted)
            elif factor.eval_method.value == "literal":
                _check_literal(str(factor.expr))


def variables(text: str, allowed: Collection[str] = ()) -> set[str]:
    """Return the names of the columns that a one-sided formula uses.

    Parameters
    ----------
    text : str
        One-sided formula without random-effect terms.
    allowed : collection of str, default=()
        Names of further functions and constants, which are no columns.

    Returns
    -------
    set of str
        Column names, without back quotes; functions are not among them.

    Examples
    --------
    >>> from skglmm.formula import variables
    >>> sorted(variables("x + log(`my col`):C(g, contr.sum)"))
    ['g', 'my col', 'x']
    """
    names: set[str] = set()
    for term in read_terms(text):
        for factor in term.factors:
            if factor.eval_method.value == "lookup":
                names.add(factor.expr)
            elif factor.eval_method.value == "python":
                names.update(_columns(factor.expr))
    return names.difference(allowed)


def expression_tree(expression: str) -> ast.Expression:
    """Parse an expression; names that are no identifiers become some."""
    return _tree(expression)[0]


def _tree(expression: str) -> tuple[ast.Expression, dict[str, str]]:
    """Parse an expression; names become identifiers, listed in the second part."""
    try:
        return read_expression(expression)
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError) as error:
        msg = f"cannot read the expression {shorten(expression)!r}: {error}"
        raise FormulaError(msg) from None


def _check(expression: str, trusted: Collection[str]) -> None:
    tree, _ = _tree(expression)
    reason = next(_objections(tree, trusted), None)
    if reason:
        msg = (
            f"the expression {shorten(expression)!r} is not allowed: {restored(reason)}. Formulas "
            "may hold column names, numbers, arithmetic, comparisons and known functions"
        )
        raise FormulaError(msg)
    if not any(_is_name(node, called) for node, called in _walk(tree)):
        msg = f"the expression {shorten(expression)!r} uses no column; take it out"
        raise FormulaError(msg)


def _check_literal(text: str) -> None:
    """Refuse a factor of a term that is no moderate number."""
    if len(text) > MOST_DIGITS or not is_moderate(float(text)):
        msg = f"the number {shorten(text)!r} in a product is too large or too small"
        raise FormulaError(msg)


def _is_name(node: ast.AST, called: bool) -> bool:
    """Return whether a node may name a column."""
    match node:
        case ast.Call(func=ast.Name(id="Q"), args=[ast.Constant(value=str()), *_]):
            return True
    return isinstance(node, ast.Name) and not called


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node, and whether it is the function of a call."""
    todo: list[tuple[ast.AST, bool]] = [(tree, False)]
    while todo:
        node, called = todo.pop()
        yield node, called
        if isinstance(node, ast.Attribute):
            continue  # judged as a whole, `np.log`
        function = node.func if isinstance(node, ast.Call) else None
        todo.extend((child, child is function) for child in ast.iter_child_nodes(node))


def _objections(tree: ast.Expression, trusted: Collection[str]) -> Iterator[str]:
    """Yield why an expression is refused; arguments of trusted functions may be of any kind."""
    if depth(tree) > MOST_DEPTH:
        yield f"it is nested more than {MOST_DEPTH} deep"
        return
    todo: list[tuple[ast.AST, bool]] = [(tree.body, False)]
    while todo:
        node, free = todo.pop()
        reason = _objection(node, free, trusted)
        if reason:
            yield reason
        todo.extend(_inside(node, free, trusted))


def _objection(node: ast.AST, free: bool, trusted: Collection[str]) -> str | None:
    """Return why a node is refused, None when it is allowed."""
    reason: str | None = None
    match node:
        case ast.Name(id=name):
            reason = f"the name {name!r} is reserved" if name.startswith("__") else None
        case ast.Attribute():
            reason = _object_to_attribute(node)
        case ast.BinOp():
            reason = _object_to_operation(node)
        case ast.Compare(ops=ops) if all(isinstance(op, _OPERATORS) for op in ops):
            reason = _object_to_matrices(node)
        case ast.Call(func=ast.Name() | ast.Attribute()):
            reason = _object_to_call(node, trusted)
        case ast.Constant():
            reason = _object_to_constant(node, free)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub()):
            pass
        case ast.Tuple() | ast.List() if free:
            pass
        case _:
            reason = _unusable(node)
    return reason


def _code(node: ast.AST) -> str:
    return shorten(ast.unparse(node))


def _unusable(node: ast.AST) -> str:
    return f"a {_kind(node)} ({_code(node)!r}) cannot be used"


def _kind(node: ast.AST) -> str:
    match node:
        case ast.BoolOp(op=inner) | ast.UnaryOp(op=inner):
            return type(inner).__name__ if isinstance(node, ast.UnaryOp) else "BoolOp"
        case ast.Compare(ops=ops):
            return next(type(op).__name__ for op in ops if not isinstance(op, _OPERATORS))
    return type(node).__name__


def _inside(node: ast.AST, free: bool, trusted: Collection[str]) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the parts of a node that are still to be looked at, and whether they are free."""
    match node:
        case ast.BinOp(left=left, right=right):
            yield from ((left, False), (right, False))
        case ast.UnaryOp(operand=operand):
            yield operand, False
        case ast.Compare(left=left, comparators=others):
            yield from ((side, False) for side in (left, *others) if not is_text(side))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=words) if (
            name_of(name) in trusted
        ):
            yield from ((value, True) for value in (*args, *(word.value for word in words)))
        case ast.Call(func=ast.Name() | ast.Attribute() as head):
            yield from ((value, False) for value in data_of(node, ast.unparse(head)))
        case ast.Tuple(elts=members) | ast.List(elts=members):
            yield from ((member, free) for member in members)


def _object_to_constant(node: ast.Constant, free: bool) -> str | None:
    match node.value:
        case bool() | None:
            return None
        case int() | float() as number:
            if is_moderate(number):
                return None
            return f"the number {_code(node)!r} is too large or too small"
        case str() if free:
            return None
        case str():
            return f"the text {_code(node)} stands where a column is expected"
    return _unusable(node)


def _object_to_call(call: Any, trusted: Collection[str]) -> str | None:
    name = name_of(ast.unparse(call.func))
    if name in trusted:
        hidden = [word.arg for word in call.keywords if (word.arg or "_").startswith("_")]
        return "arguments must have ordinary names" if hidden else None
    if name not in _KNOWN:
        return _object_to_bars(call) or _object_to_function(call.func)
    if call.args and is_text(call.args[0]) and takes_data(name):
        return f"{name}({ast.unparse(call.args[0])}) uses no column"
    return object_to_arguments(call, name, trusted)


def _object_to_function(function: ast.Name | ast.Attribute) -> str | None:
    if isinstance(function, ast.Attribute):
        return _object_to_attribute(function)
    if function.id.startswith("__"):
        return f"the name {function.id!r} is reserved"
    name = name_of(function.id)
    if name == "offset":
        return "an offset stands by itself, as in x + offset(log(n))"
    return (
        f"the function {name!r} is not known; own functions are added with "
        f"context={{{name!r}: ...}}"
    )


def _object_to_bars(node: ast.AST) -> str | None:
    bars = (isinstance(part, ast.BitOr) for part in ast.walk(node))
    return _BAR if any(bars) else None


def _object_to_attribute(node: ast.Attribute) -> str | None:
    name = ast.unparse(node)
    if name in _KNOWN:
        return None
    return (
        f"{name!r} is an attribute; a column whose name has a dot is written in back quotes, "
        f"`{name}`"
    )


def _object_to_operation(node: ast.BinOp) -> str | None:
    sides = (node.left, node.right)
    if not isinstance(node.op, _OPERATORS):
        return _object_to_operator(node)
    if any(map(is_text, sides)):
        return "arithmetic with a text"
    if any(isinstance(side, _SEQUENCES) for side in sides):
        return "arithmetic with a list"
    reason = _object_to_matrices(node)
    return reason or (_object_to_power(node) if isinstance(node.op, ast.Pow) else None)


def _object_to_operator(node: ast.BinOp) -> str:
    if isinstance(node.op, ast.BitOr):
        return _BAR
    if isinstance(node.op, ast.BitAnd):
        return "the operator '&' cannot be used; write a product, (x > 0) * (z > 0)"
    hint = ""
    if isinstance(node.op, ast.BitXor):
        power = ast.BinOp(node.left, ast.Pow(), node.right)
        hint = f"; a power is written {_code(power)!r}"
    return f"the operator of {_code(node)!r} cannot be used{hint}"


def _object_to_matrices(operation: ast.AST) -> str | None:
    """Refuse operations with a matrix: with one column, they would make all pairs of rows."""
    for node in ast.walk(operation):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in _SIZED:
                return f"{_code(node)!r} is a matrix, no operand; it stands by itself"
    return None


def _object_to_power(node: ast.BinOp) -> str | None:
    base, exponent = (_has_column(side) for side in (node.left, node.right))
    if not (base or exponent):
        return f"a power of constants, {_code(node)!r}; write the number"
    if exponent:
        return None
    value = _value(node.right)
    if value is not None and abs(value) <= STEEPEST:
        return None
    return (
        f"the exponent in {_code(node)!r} must be a plain number between "
        f"-{STEEPEST:g} and {STEEPEST:g}"
    )


def _has_column(side: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and not called for node, called in _walk(side))


def _value(node: ast.AST) -> float | None:
    """Return the number that plain arithmetic gives, 1 / 3; None for anything else."""
    match node:
        case ast.Constant(value=int() | float() as number) if is_moderate(number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = _value(inner)
            return None if value is None else -value
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            over, under = _value(left), _value(right)
            return over / under if over is not None and under else None
    return None


def _columns(expression: str) -> Iterator[str]:
    tree, _ = _tree(expression)
    return (name for _, name in columns_in(tree))
