"""The `groups` parameter: grouping columns and their effects, without a bar in sight."""

from collections.abc import Collection, Mapping, Sequence
from numbers import Integral
from typing import Any

from skglmm.exceptions import FormulaError
from skglmm.formula.bars import make_bars, read_effects, read_group, settle
from skglmm.formula.limits import MOST_BARS, of_type, refuse_length, refuse_number
from skglmm.formula.records import Bar
from skglmm.formula.spans import check_effects
from skglmm.formula.structures import UNSTRUCTURED, argument_problem, close_names, named
from skglmm.formula.tokens import is_writable, scan

__all__ = ["parse_groups"]

Chosen = tuple[str, str]  # the word of a structure, and its argument
DEFAULT: Chosen = (UNSTRUCTURED, "")
_EXPECTED = "expected None, the name of a column, a list of names, or a dict of name to effects"
_NO_BARS = (
    "a term with a bar, such as (x | g), belongs in formula; groups has a column and its effects, "
    "groups={'g': 'x'}"
)


def parse_groups(
    groups: Any,
    columns: Sequence[str],
    allowed: Collection[str] = (),
    covariance: Any = "unstructured",
) -> tuple[Bar, ...]:
    """Read the `groups` parameter of an estimator.

    Parameters
    ----------
    groups : None, str, int, list or dict
        ``"g"`` is ``{"g": "1"}``; ``["g", "site"]`` has an intercept each; a list of
        effects, ``{"g": ["1", "0 + x"]}``, gives independent blocks. Integers are positions
        in `columns`; ``"a/b"`` and ``"a:b"`` are nested and interacting columns.
    columns : sequence of str
        Names of the columns of X.
    allowed : collection of str, default=()
        Names of functions that effects may call besides the known ones.
    covariance : str or dict, default="unstructured"
        How the effects of a level vary together, by name or by the word of formulas; a dict has
        one for each grouping column that is not unstructured. ``"factor_analytic(2)"`` and
        ``"relationship(A)"`` have an argument.

    Returns
    -------
    tuple of Bar
        The same terms, in the same order, as the formula of the same model has.

    Raises
    ------
    FormulaError
        When a value cannot be read.
    TypeError
        When `groups` is of another type.

    Examples
    --------
    >>> from skglmm.formula import parse_groups
    >>> [str(bar) for bar in parse_groups({"a/b": "x"}, ["x", "a", "b"])]
    ['(1 + x | a)', '(1 + x | a:b)']
    >>> parse_groups({"g": "x"}, ["x", "g"], covariance="compound_symmetry")[0].structure
    'cs'
    """
    if groups is None:
        return ()
    if not isinstance(groups, (str, Integral, list, dict)) or isinstance(groups, bool):
        msg = f"{of_type('groups', groups)}; {_EXPECTED}"
        raise TypeError(msg)
    if not isinstance(groups, Integral) and not groups:
        msg = f"groups={groups!r} names no column; {_EXPECTED}"
        raise FormulaError(msg)
    chosen = _Structures.of(covariance)
    bars: list[Bar] = []
    items = [(key, text) for key, value in _items(groups) for text in _effects(key, value)]
    refuse_number(len(items), MOST_BARS, "random terms", "groups")
    for key, text in items:
        factors, effects = _factors(key, columns), read_effects(text, text, allowed)
        structure, argument = chosen.take(key)
        check_effects(structure, effects, text, text)
        bars += make_bars(effects, factors, structure, argument=argument)
    chosen.refuse_left()
    return settle(bars)


class _Structures:
    """Structures by grouping column, each of which is to be taken."""

    def __init__(self, common: Chosen, by_key: Mapping[Any, Chosen]) -> None:
        self.common, self.by_key, self.left = common, by_key, set(by_key)

    @classmethod
    def of(cls, covariance: Any) -> "_Structures":
        """Read the parameter `covariance`."""
        if isinstance(covariance, Mapping):
            return cls(DEFAULT, {key: _chosen(text) for key, text in covariance.items()})
        return cls(_chosen(covariance), {})

    def take(self, key: Any) -> Chosen:
        """Return the structure of the effects of a grouping column, and its argument."""
        self.left.discard(key)
        return self.by_key.get(key, self.common)

    def refuse_left(self) -> None:
        """Refuse grouping columns that `groups` does not have."""
        for key in sorted(map(repr, self.left)):
            msg = f"covariance= has a structure for {key}, which groups= does not name"
            raise FormulaError(msg)


def _chosen(text: Any) -> Chosen:
    if not isinstance(text, str):
        msg = (
            f"covariance={text!r} is of type {type(text).__name__}, expected a name such as "
            "'compound_symmetry', or a dict of grouping column to name"
        )
        raise TypeError(msg)
    name, _, rest = text.strip().partition("(")
    argument = rest.rstrip().removesuffix(")").strip()
    structure = named(name.strip())
    if structure is None:
        msg = f"covariance={text!r} is no structure of random effects; {close_names(name)}"
        raise FormulaError(msg)
    problem = argument_problem(structure, argument)
    if problem:
        msg = f"covariance={text!r}: {problem}"
        raise FormulaError(msg)
    return structure.word, argument


def _items(groups: Any) -> list[tuple[Any, Any]]:
    if isinstance(groups, Mapping):
        return list(groups.items())
    return [(key, "1") for key in (groups if isinstance(groups, list) else [groups])]


def _effects(key: Any, value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        msg = (
            f"groups={{{key!r}: {value!r}}}: the effects are a formula such as '1 + x', "
            "or a list of them"
        )
        raise (FormulaError if value == [] else TypeError)(msg)
    for text in texts:
        refuse_length(text, "groups with the effects")
        if any("|" in piece.token for piece in scan(text) if piece.kind == "operator"):
            msg = f"groups={{{key!r}: {text!r}}} has a bar; {_NO_BARS}"
            raise FormulaError(msg)
    return texts


def _factors(key: Any, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the columns of the grouping factors that a key names."""
    if isinstance(key, Integral) and not isinstance(key, bool):
        if not 0 <= int(key) < len(columns):
            msg = f"groups names column {key}, but X has {len(columns)} feature(s), counted from 0"
            raise FormulaError(msg)
        return [(_named(columns[int(key)]),)]
    if not isinstance(key, str):
        msg = f"groups names {key!r} of type {type(key).__name__}; {_EXPECTED}"
        raise TypeError(msg)
    refuse_length(key, "groups with the column")
    if key in columns:
        return [(_named(key),)]
    key = key.strip()
    pieces = scan(key)
    if any("|" in piece.token for piece in pieces if piece.kind == "operator"):
        msg = f"groups names {key!r}; {_NO_BARS}"
        raise FormulaError(msg)
    if "`" not in key and all(piece.kind in {"name", "value"} for piece in pieces):
        return [(_named(key),)]
    return read_group(key, key)


def _named(name: str) -> str:
    """Return the name of a grouping column, which formula_ has to write."""
    if not is_writable(name):
        msg = f"the column name {name!r} cannot be written in a formula; rename the column"
        raise FormulaError(msg)
    return name
