"""What a model consists of: formulas of its predictors and random-effects terms."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from skglmm.design import SMOOTH, Term
from skglmm.exceptions import DesignError, FormulaError
from skglmm.families import Family
from skglmm.formula import Bar, Formula, of_type, parse, parse_groups, quote, variables

__all__ = ["UNSTRUCTURED", "Model", "read_model", "titled"]

# One model is read again and again, in searches and in resampling.
_parse = lru_cache(maxsize=256)(parse)
_variables = lru_cache(maxsize=256)(variables)

UNSTRUCTURED = "unstructured"  # covariance of effects of which nothing is said
MOST_LEVELS = 50  # more levels of a categorical column look like a grouping factor


@dataclass(frozen=True)
class Model:
    """The parts of a model, as texts.

    Parameters
    ----------
    formulas : mapping of str to Formula
        Fixed part and random effects of each predictor.
    location : str
        The predictor that says where responses are.
    shifts : tuple of str
        Expressions that are added to the location beside those of its formula.
    without_intercept : tuple of str
        Predictors whose intercept other parameters take the place of.
    numbers : tuple of str
        Predictors that are one number each.
    constants : mapping of str to float
        Numbers that are known predictors in all rows.
    all_named : bool
        Whether each location has the name of a class, and all of them one formula.
    """

    formulas: Mapping[str, Formula]
    location: str
    shifts: tuple[str, ...] = ()
    without_intercept: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    all_named: bool = False

    @property
    def formula(self) -> Formula:
        """Formula of the location."""
        return self.formulas[self.location]

    @property
    def texts(self) -> dict[str, str]:
        """Formula of each predictor in one spelling; intercepts that are none are not in it."""
        found = {name: str(formula) for name, formula in self.formulas.items()}
        return found | {name: found[name].removeprefix("1 + ") for name in self.without_intercept}

    @property
    def fixed(self) -> dict[str, str]:
        """Formula of the fixed part of each predictor."""
        return {name: formula.unpenalized for name, formula in self.formulas.items()}

    @property
    def offsets(self) -> dict[str, tuple[str | float, ...]]:
        """Expressions and numbers that are added to each predictor."""
        found: dict[str, tuple[str | float, ...]] = {
            name: formula.offsets for name, formula in self.formulas.items()
        }
        found |= {name: (number,) for name, number in self.constants.items()}
        return {**found, self.location: (*found[self.location], *self.shifts)}

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Random-effects terms of all predictors."""
        named = self.formulas.items()
        return tuple(replace(bar, predictor=name) for name, each in named for bar in each.bars)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Terms ``(x | 1)`` of all predictors."""
        return tuple(term for formula in self.formulas.values() for term in formula.dropped)

    @property
    def terms(self) -> list[Term]:
        """Random-effects terms, as designs are told."""
        terms = [
            Term(bar.effects, bar.group, bar.structure, bar.argument, bar.predictor, bar.key)
            for bar in self.bars
        ]
        named = self.formulas.items()
        curves = ((name, each) for name, formula in named for each in formula.smooths)
        return [
            *terms,
            *(Term(f"0 + {it.bends}", it.group, SMOOTH, predictor=name) for name, it in curves),
        ]

    @property
    def columns(self) -> set[str]:
        """Names of all columns that the model uses."""
        every = [*self.shifts, *(text for each in self.formulas.values() for text in each.offsets)]
        shifts = (f"{{{text}}}" for text in every)
        effects = [term.effects for term in self.terms]
        texts = [*self.fixed.values(), *effects, *shifts]
        groups = [name for term in self.terms for name in term.group]
        return set(groups).union(*map(_variables, texts))

    def without_idle_keys(self) -> "Model":
        """Return the model without keys that join nothing."""
        counts = Counter(map(_joint, self.bars))

        def settled(formula: Formula) -> Formula:
            bars = (
                bar if counts[_joint(bar)] > 1 else replace(bar, key=None) for bar in formula.bars
            )
            return replace(formula, bars=tuple(bars))

        formulas = {name: settled(formula) for name, formula in self.formulas.items()}
        return replace(self, formulas=formulas)


def _joint(bar: Bar) -> tuple[frozenset[str], str | None]:
    return frozenset(bar.group), bar.key


def titled(model: Any) -> str:
    """Return formulas in one line: that of the mean, and those of others that are not 1.

    Classes without an order have one formula.

    Parameters
    ----------
    model : MixedModel
        Fitted.
    """
    (_, mean), *others = model.formulas_.items()
    if model.fit_.family.is_unordered:
        return str(mean)
    return "; ".join([mean, *(f"{name}: {text}" for name, text in others if text != "1")])


def read_model(estimator: Any, family: Family, frame: pd.DataFrame, response: str | None) -> Model:
    """Read the formulas of an estimator; nothing is evaluated.

    Parameters
    ----------
    estimator : MixedModel
        Its `formula`, `groups`, `offset` and `context`, and parameters that are called as a
        predictor of the family; predictors without one are one number.
    family : Family
    frame : DataFrame
        X, for the names and kinds of its columns.
    response : str or None
        Name of y.
    """
    allowed = tuple(estimator.context or ())
    _check_offset(estimator.offset, frame)
    bars = _grouped(estimator, frame, allowed)
    sizes = {family.predictors[k]: getattr(estimator, family.predictors[k]) for k in family.known}
    named = hasattr(estimator, "feature_names_in_")
    if estimator.formula is None:
        if not named:
            _refuse_names(sorted({name for bar in bars for name in bar.group}), frame)
        skipped = {name for bar in bars for name in bar.group} | {estimator.offset, response}
        skipped |= {name for text in estimator._shifts() for name in _variables(text)}
        skipped |= {size for size in sizes.values() if isinstance(size, str)}
        formula = _parse(_every_column(frame, skipped))
    else:
        formula = _parse(estimator.formula, allowed)
        _check_spelling(estimator, formula)
        _check_label(formula, response)
    location = family.predictors[family.location]
    locations = {family.predictors[k] for k in family.locations}
    formulas = {
        name: replace(formula, bars=bars or formula.bars)
        if name in locations
        else _one_sided(name, estimator._formula_of(name), allowed)
        for name in family.predictors
        if name not in sizes
    }
    formulas |= {name: _of_size(size) for name, size in sizes.items()}
    formulas = {name: formulas[name] for name in family.predictors}
    shifts = estimator._shifts()
    bare = tuple(each.name for each in family.parameters if not each.has_intercept)
    _check_intercepts({name: formulas[name] for name in bare}, location)
    numbers = tuple(each.name for each in family.parameters if each.block)
    constants = {name: float(size) for name, size in sizes.items() if not isinstance(size, str)}
    model = Model(
        formulas, location, shifts, bare, numbers, constants, family.is_unordered
    ).without_idle_keys()
    _check_columns(model, frame, allowed, named=named)
    _check_response(model, {formula.response, response} - {None})
    return model


def _grouped(estimator: Any, frame: pd.DataFrame, allowed: tuple[str, ...]) -> tuple[Bar, ...]:
    """Return the random-effects terms of the parameter `groups`."""
    columns, covariance = [str(name) for name in frame.columns], estimator.covariance
    if estimator.groups is None and covariance != UNSTRUCTURED:
        msg = (
            f"covariance={covariance!r} is about the effects of groups=, of which there are none; "
            "in a formula the structure is a word before the term, cs(1 + x | g)"
        )
        raise FormulaError(msg)
    return parse_groups(estimator.groups, columns, allowed, covariance)


def _every_column(frame: pd.DataFrame, skipped: Collection[str | None]) -> str:
    names = [name for name in frame.columns if name not in skipped]
    for name in names:
        column = frame[name]
        if _is_label(column) and column.nunique() > MOST_LEVELS:
            msg = (
                f"the column {name!r} has {column.nunique()} levels and formula=None would take "
                f"it as a fixed effect; it looks like a grouping factor: groups={name!r}. "
                "Otherwise drop it from X or name the columns in a formula"
            )
            raise DesignError(msg)
    return " + ".join(["1", *map(quote, names)])


def _is_label(column: "pd.Series[Any]") -> bool:
    """Return whether a column is text or categorical, so that it would become dummies."""
    return pd.api.types.infer_dtype(column, skipna=True) in {"string", "categorical"}


def _of_size(size: Any) -> Formula:
    """Return the formula of a known predictor, of which an estimator has a number or a column."""
    return Formula("0", offsets=(quote(size),) if isinstance(size, str) else ())


def _one_sided(name: str, text: Any, allowed: tuple[str, ...]) -> Formula:
    """Return the formula of a predictor behind the mean."""
    if not isinstance(text, str):
        msg = f"{of_type(name, text)}, expected a one-sided formula such as '1 + x'"
        raise TypeError(msg)
    formula = _parse(text, allowed)
    if formula.response is not None:
        msg = f"{name}={text!r} has a left-hand side; it is a one-sided formula such as '1 + x'"
        raise FormulaError(msg)
    return formula


def _check_intercepts(formulas: Mapping[str, Formula], location: str) -> None:
    """Refuse to take out an intercept that is not there."""
    for name, formula in formulas.items():
        if formula.fixed.startswith("0"):
            where = "the formula" if name == location else f"{name}="
            msg = (
                f"{where} {str(formula)!r} takes the intercept out, but there is none: thresholds "
                "take its place, and categories are coded as beside one. Leave out the 0"
            )
            raise FormulaError(msg)


def _check_offset(offset: Any, frame: pd.DataFrame) -> None:
    """Refuse an expression where a column is expected, and say where expressions go."""
    if isinstance(offset, str) and "(" in offset and offset not in frame.columns:
        msg = (
            f"offset={offset!r} is an expression, expected the name of a column; write "
            f"offset({offset}) in the formula, or exposure= for what counts are counted in"
        )
        raise DesignError(msg)


def _check_spelling(estimator: Any, formula: Formula) -> None:
    if estimator.groups is not None and (formula.bars or formula.dropped):
        msg = (
            "random effects are given twice: formula has "
            f"{', '.join([*map(str, formula.bars), *formula.dropped])} and "
            f"groups={estimator.groups!r}; keep one of them"
        )
        raise FormulaError(msg)


def _check_label(formula: Formula, response: str | None) -> None:
    if formula.response is not None and response not in {None, formula.response}:
        msg = (
            f"the formula is about {formula.response!r}, but y is named {response!r}; y always "
            "comes from fit(X, y), so pass the right one, or take the name off the formula"
        )
        raise FormulaError(msg)


def _check_columns(
    model: Model, frame: pd.DataFrame, allowed: Collection[str], *, named: bool
) -> None:
    """Explain names in the formula when the columns have lost or changed theirs."""
    unknown = sorted(model.columns - set(frame.columns) - set(allowed))
    for name in unknown if named else ():
        longer = [column for column in frame.columns if str(column).endswith(f"__{name}")]
        if longer:
            msg = (
                f"unknown column {name!r}; X has {longer[0]!r}, as a ColumnTransformer names its "
                f"outputs: pass it verbose_feature_names_out=False, or write `{longer[0]}`"
            )
            raise DesignError(msg)
    if not named:
        _refuse_names(unknown, frame)


def _refuse_names(names: Iterable[str], frame: pd.DataFrame) -> None:
    """Refuse names that columns of an array do not have."""
    for name in names:
        if name not in frame.columns:
            msg = (
                f"the model uses column {name!r}, but X has no names that are texts, as arrays "
                f"have none: its columns are called x0 … x{frame.shape[1] - 1}. In a pipeline put "
                ".set_output(transform='pandas') and verbose_feature_names_out=False on the "
                "previous step; X.columns.astype(str) makes texts of numbers"
            )
            raise DesignError(msg)


def _check_response(model: Model, names: Collection[Any]) -> None:
    for name in _sorted_texts(names):
        if name in model.columns:
            msg = (
                f"the response {name!r} is also on the right-hand side; take it out there. If y is "
                "another variable, which has its name from the column that it was computed from, "
                f"rename it, or pass y.to_numpy()"
            )
            raise FormulaError(msg)


def _sorted_texts(names: Collection[Any]) -> Iterator[str]:
    yield from sorted(name for name in names if isinstance(name, str))
