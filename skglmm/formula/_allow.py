"""The allow-list: what an expression inside a formula may say, checked before evaluation."""

import ast
from collections.abc import Collection, Iterator

from skglmm.exceptions import FormulaError
from skglmm.formula._terms import read_terms
from skglmm.syntax import columns_in, name_of, read_expression, restored

__all__ = ["check_expressions", "variables"]

_FUNCTIONS = frozenset(
    "log log2 log10 exp exp2 exp10 sqrt log1p expit abs I C Q bs cr cs cc poly center scale "
    "standardize Treatment Sum Helmert Poly Diff".split()
)
_MEMBERS = frozenset(
    [f"contr.{name}" for name in "treatment sum helmert poly diff SAS custom".split()]
    + [f"np.{name}" for name in "log log1p log2 log10 exp sqrt abs square sin cos".split()]
)
_OPERATORS = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.UAdd, ast.USub),
    *(ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
)
_PLAIN = (
    *(ast.Expression, ast.Load, ast.keyword, ast.UnaryOp, ast.Compare, ast.Tuple, ast.List),
    *_OPERATORS,
)
_SEQUENCES = (ast.Tuple, ast.List)
_SIZED = frozenset({"bs", "cr", "cs", "cc", "poly"})  # functions that make as many columns as told
_SIZES = frozenset({"df", "degree"})
_PLACES = frozenset({1, 3})  # where these stand: poly(x, degree), bs(x, df, knots, degree)
MOST_COLUMNS = 1000


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
    functions = _FUNCTIONS.union(allowed)
    for term in read_terms(text):
        for factor in term.factors:
            if factor.eval_method.value == "python":
                _check(factor.expr, functions)


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


def _tree(expression: str) -> tuple[ast.Expression, dict[str, str]]:
    """Parse an expression; names become identifiers, listed in the second part."""
    try:
        return read_expression(expression)
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError) as error:
        msg = f"cannot read the expression {expression!r}: {error}"
        raise FormulaError(msg) from None


def _check(expression: str, functions: Collection[str]) -> None:
    tree, _ = _tree(expression)
    reasons = (_objection(node, called, functions) for node, called in _walk(tree))
    reason = next(filter(None, reasons), None)
    if reason:
        msg = (
            f"the expression {expression!r} is not allowed: {restored(reason)}. Formulas "
            "may hold column names, numbers, arithmetic, comparisons and known functions"
        )
        raise FormulaError(msg)
    if not any(_is_name(node, called) for node, called in _walk(tree)):
        msg = f"the expression {expression!r} uses no column; take it out"
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


def _objection(node: ast.AST, called: bool, functions: Collection[str]) -> str | None:
    """Return why a node is refused, None when it is allowed."""
    match node:
        case ast.Name(id=name):
            return _object_to_name(name, called, functions)
        case ast.Attribute():
            return _object_to_attribute(node)
        case ast.BinOp():
            return _object_to_operation(node)
        case ast.keyword(arg=name) if name is None or name.startswith("_"):
            return "arguments must have ordinary names"
        case ast.Call(func=ast.Name() | ast.Attribute()):
            return _object_to_sizes(node)
    return _object_to_others(node)


def _object_to_others(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=int() | float() | str() | None):
            return None
    if isinstance(node, _PLAIN):
        return None
    return f"a {type(node).__name__} ({ast.unparse(node)!r}) cannot be used"


def _object_to_name(name: str, called: bool, functions: Collection[str]) -> str | None:
    if name.startswith("__"):
        return f"the name {name!r} is reserved"
    if called and name == "offset":
        return "an offset is a column that is named beside the formula, offset='x'"
    name = name_of(name)
    if called and name not in functions:
        return (
            f"the function {name!r} is not known; own functions are added with "
            f"context={{{name!r}: ...}}"
        )
    return None


def _object_to_attribute(node: ast.Attribute) -> str | None:
    name = ast.unparse(node)
    if name in _MEMBERS:
        return None
    return (
        f"{name!r} is an attribute; a column whose name has a dot is written in back quotes, "
        f"`{name}`"
    )


def _object_to_sizes(call: ast.Call) -> str | None:
    """Numbers of columns are read here, not computed: a hundred million would take for ever."""
    if not (isinstance(call.func, ast.Name) and call.func.id in _SIZED):
        return None
    given = [value for place, value in enumerate(call.args) if place in _PLACES]
    given += [keyword.value for keyword in call.keywords if keyword.arg in _SIZES]
    for value in given:
        match value:
            case ast.Constant(value=int() | float() as number) if not number <= MOST_COLUMNS:
                return f"{ast.unparse(value)} columns are too many, {MOST_COLUMNS} at most"
            case ast.Name() | ast.Constant():
                continue
        return f"df and degree are plain numbers, not {ast.unparse(value)!r}"
    return None


def _object_to_operation(node: ast.BinOp) -> str | None:
    sides = (node.left, node.right)
    if isinstance(node.op, ast.BitOr):
        return "'|' stands inside a function call or braces; a random term is written + (1 | g)"
    if not isinstance(node.op, _OPERATORS):
        return f"the operator of {ast.unparse(node)!r} cannot be used"
    if isinstance(node.op, ast.Pow) and not any(isinstance(n, ast.Name) for n in ast.walk(node)):
        return f"a power of constants, {ast.unparse(node)!r}; write the number"
    if any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in sides):
        return "arithmetic with a text"
    return "arithmetic with a list" if any(isinstance(n, _SEQUENCES) for n in sides) else None


def _columns(expression: str) -> Iterator[str]:
    tree, _ = _tree(expression)
    return (name for _, name in columns_in(tree))
