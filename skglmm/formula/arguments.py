"""Arguments of known functions: those that a function has, of the kinds that it takes."""

import ast
from collections.abc import Callable, Collection
from itertools import pairwise

from skglmm.formula.functions import Argument, known_functions, parameters_of
from skglmm.formula.limits import MOST_COLUMNS, MOST_DEGREE, MOST_LISTED, is_moderate, shorten

__all__ = ["data_of", "is_text", "object_to_arguments", "takes_data"]

_CODINGS = frozenset(
    name for name in known_functions() if name.startswith("contr.") or name.istitle()
) - {"C", "I", "Q"}
_HINTS = {"log": "; other bases are log2(x), log10(x) and I(log(x) / log(3))"}
_CODING = "a coding such as contr.sum or contr.treatment('a')"


def object_to_arguments(call: ast.Call, function: str, constants: Collection[str]) -> str | None:
    """Return why a call of a known function is refused; what is data is not looked at.

    `constants` are the names of the context, which stand for values of any kind.
    """
    parameters = parameters_of(function) or ()
    reason = _object_to_number(call, function, parameters) or _object_to_names(
        call, function, parameters
    )
    if reason:
        return reason
    for parameter, value in _bound(call, parameters):
        is_trusted = isinstance(value, ast.Name) and value.id in constants
        if parameter.kind == "data" or is_trusted:
            continue
        reason = _CHECKS[parameter.kind](value, parameter.name, function)
        if reason:
            return reason
    return None


def takes_data(function: str) -> bool:
    """Return whether the first argument of a known function is an expression with columns."""
    return [parameter.kind for parameter in parameters_of(function) or ()][:1] == ["data"]


def data_of(call: ast.Call, function: str) -> list[ast.expr]:
    """Return the arguments of a known function that are expressions to look at."""
    parameters = parameters_of(function) or ()
    inside = [
        value
        for parameter, value in _bound(call, parameters)
        if parameter.kind == "data" or (parameter.kind == "coding" and isinstance(value, ast.Call))
    ]
    return [*inside, *(value for value in call.args if isinstance(value, ast.Starred))]


def _bound(call: ast.Call, parameters: tuple[Argument, ...]) -> list[tuple[Argument, ast.expr]]:
    by_name = {parameter.name: parameter for parameter in parameters}
    given = [(by_name[word.arg], word.value) for word in call.keywords if word.arg in by_name]
    return [*zip(parameters, call.args, strict=False), *given]


def _object_to_number(
    call: ast.Call, function: str, parameters: tuple[Argument, ...]
) -> str | None:
    most = sum(not parameter.only_by_name for parameter in parameters)
    if len(call.args) <= most:
        return None
    names = ", ".join(parameter.name for parameter in parameters[:most])
    return (
        f"{function}() has {most} argument{'' if most == 1 else 's'} in order ({names}), "
        f"not {len(call.args)}{_HINTS.get(function, '')}"
    )


def _object_to_names(call: ast.Call, function: str, parameters: tuple[Argument, ...]) -> str | None:
    # Transforms take their columns by their places.
    placed = [each for each in parameters if each.kind == "data" and not each.only_by_name]
    start = 0 if function == "C" else len(placed)
    known = {parameter.name for parameter in parameters[start:]}
    taken = {parameter.name for parameter in parameters[: len(call.args)]}
    for word in call.keywords:
        if word.arg is None or word.arg.startswith("_"):
            return "arguments must have ordinary names"
        if word.arg in taken:
            return f"{function}() has the argument {word.arg!r} twice"
        if word.arg not in known:
            these = f"by name it takes {', '.join(sorted(known))}" if known else "it takes none"
            hint = _HINTS.get(function, "") if word.arg == "base" else ""
            return f"{function}() has no argument {word.arg!r}; {these}{hint}"
    return None


def _wrong(expected: str, value: ast.expr, parameter: str, function: str) -> str:
    return f"{parameter} of {function}() is {expected}, not {shorten(ast.unparse(value))!r}"


def _count(value: ast.expr, parameter: str, function: str) -> str | None:
    match value:
        case ast.Constant(value=int() | float() as number) if not number <= MOST_COLUMNS:
            return f"{ast.unparse(value)} columns are too many, {MOST_COLUMNS} at most"
        case ast.Constant(value=int() | float() | None):
            return None
    del parameter, function
    return f"df and degree are plain numbers, not {shorten(ast.unparse(value))!r}"


def _df(value: ast.expr, parameter: str, function: str) -> str | None:
    match value:
        case ast.Constant(value=int() | float() as number) if number < 1:
            return f"{parameter} of {function}() is 1 or more, not {ast.unparse(value)}"
    return _count(value, parameter, function)


def _order(value: ast.expr, parameter: str, function: str) -> str | None:
    reason = _count(value, parameter, function)
    if reason:
        return reason
    match value:
        case ast.Constant(value=int() | float() as number) if number > MOST_DEGREE:
            what = f"{parameter} of {function}() is {MOST_DEGREE} at most, not {number}"
            return f"{what}; a spline gets flexible by its knots"
    return None


def _is_number(value: ast.expr) -> bool:
    """Return whether a value is a number of moderate size, perhaps with a sign."""
    match value:
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=ast.Constant() as inner):
            return _is_number(inner)
        case ast.Constant(value=int() | float() as number):
            return is_moderate(number)
    return False


def _is_flag(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, bool)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def is_text(value: ast.AST) -> bool:
    """Return whether a value is a text in quotes."""
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_label(value: ast.expr) -> bool:
    return is_text(value) or _is_number(value) or _is_none(value) or _is_flag(value)


def _is_list(value: ast.expr, is_member: Callable[[ast.expr], bool]) -> bool:
    """Return whether a value is a list of some things, and not too long."""
    if not isinstance(value, (ast.List, ast.Tuple)) or len(value.elts) > MOST_LISTED:
        return False
    return all(map(is_member, value.elts))


def _is_numbers(value: ast.expr) -> bool:
    return _is_list(value, _is_number)


def _is_size(value: ast.expr) -> bool:
    match value:
        case ast.Constant(value=bool()):
            return False
        case ast.Constant(value=int() as number):
            return 1 <= number <= MOST_COLUMNS
    return _is_none(value)


def _is_sizes(value: ast.expr) -> bool:
    return _is_list(value, _is_size)


def _is_texts(value: ast.expr) -> bool:
    return _is_list(value, is_text)


def _is_knots(value: ast.expr) -> bool:
    """Return whether a value is a list of numbers in their order."""
    if not _is_numbers(value):
        return False
    knots = ast.literal_eval(value)
    return all(one <= other for one, other in pairwise(knots))


def _is_labels(value: ast.expr) -> bool:
    """Return whether a value is a list of labels, of which no two are written alike."""
    if not _is_list(value, _is_label):
        return False
    labels = list(map(str, ast.literal_eval(value)))
    return len(set(labels)) == len(labels)


def _is_matrix(value: ast.expr) -> bool:
    if not _is_list(value, _is_numbers):
        return False
    rows = [row for row in ast.iter_child_nodes(value) if isinstance(row, (ast.List, ast.Tuple))]
    return sum(len(row.elts) for row in rows) <= MOST_LISTED


def _is_coding(value: ast.expr) -> bool:
    head = value.func if isinstance(value, ast.Call) else value
    return ast.unparse(head) in _CODINGS or _is_none(value) or _is_matrix(value)


def _is_center(value: ast.expr) -> bool:
    return ast.unparse(value) == "'center'" or _is_none(value) or _is_matrix(value)


def _either(
    expected: str, *fine: Callable[[ast.expr], bool]
) -> Callable[[ast.expr, str, str], str | None]:
    """Return a check that a value is one of some things."""

    def check(value: ast.expr, parameter: str, function: str) -> str | None:
        if any(is_fine(value) for is_fine in fine):
            return None
        return _wrong(expected, value, parameter, function)

    return check


_CHECKS: dict[str, Callable[[ast.expr, str, str], str | None]] = {
    "count": _count,
    "df": _df,
    "order": _order,
    "number": _either("a plain number", _is_number, _is_none),
    "flag": _either("True or False", _is_flag, _is_none),
    "flag or number": _either("True, False or a plain number", _is_flag, _is_number),
    "text": _either("a text in quotes", is_text),
    "name": _either("the name of a column in quotes", is_text),
    "numbers": _either(
        f"a list of plain numbers, {MOST_LISTED} at most, such as [0.5, 1]", _is_numbers, _is_none
    ),
    "knots": _either(
        f"a list of plain numbers in their order, {MOST_LISTED} at most, such as [0.5, 1]",
        *(_is_knots, _is_none),
    ),
    "label": _either("a level, a text in quotes or a number", _is_label),
    "labels": _either(f"a list of different levels, {MOST_LISTED} at most", _is_labels, _is_none),
    "matrix": _either(f"a list of lists of numbers, {MOST_LISTED} at most", _is_matrix),
    "size or sizes": _either("a whole number, or a list of them", _is_size, _is_sizes),
    "basis or bases": _either(
        "a basis in quotes, such as 'cr', or a list of them", is_text, _is_texts, _is_none
    ),
    "coding": _either(_CODING, _is_coding),
    "center or matrix": _either("'center' or a list of lists of numbers", _is_center),
}
