"""The compiler: texts and a data frame become a design, and the spec of others like it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import pandas as pd

from skglmm.arrays import Ints
from skglmm.covariance import BlockDiagonal, Covariance
from skglmm.design.build import DesignSpec, Selection
from skglmm.design.columns import Column, Use, is_label, pick, refuse_empty
from skglmm.design.empty import refuse_empty_effects, single_levels
from skglmm.design.groups import Levels, learn_labels
from skglmm.design.materialize import learn_matrices
from skglmm.design.matrix import MatrixSpec
from skglmm.design.names import functions, uses
from skglmm.design.offsets import offset_text, refuse_coded
from skglmm.design.records import Design, Factor, Layout, label_in
from skglmm.design.sizes import refuse_parameters
from skglmm.design.structures import (
    RELATED,
    IndexedEffects,
    covariance_of,
    is_indexed,
    learn_indexed,
    place_names,
)
from skglmm.exceptions import DesignError

__all__ = ["Term", "label_columns", "learn", "place_columns"]

_Uses = Mapping[str, Mapping[str, Use]]  # of each text, by column
_INTERCEPT = "Intercept"  # what formulaic calls the column of ones


class Term(NamedTuple):
    """A random-effects term: effects that vary over the levels of a grouping factor.

    `effects` is a one-sided formula, `group` the columns of the grouping factor, and
    `predictor` the linear predictor that the effects are added to, the first one by default. Terms
    of one factor with the same `key` are correlated with each other. `structure` is the word of
    formulas for how the effects vary together, and `argument` what it needs beside them.
    """

    effects: str
    group: tuple[str, ...]
    structure: str = "us"
    argument: str = ""
    predictor: str | None = None
    key: str | None = None


def learn(  # noqa: PLR0913 -- the parts of a model
    frame: pd.DataFrame,
    fixed: Mapping[str, str],
    terms: Sequence[Term] = (),
    *,
    offset: str | None = None,
    offsets: Mapping[str, Sequence[str | float]] | None = None,
    without_intercept: Collection[str] = (),
    numbers: Collection[str] = (),
    all_named: bool = False,
    context: Mapping[str, Any] | None = None,
    relationships: Mapping[str, Any] | None = None,
    float_groups: bool = False,
) -> tuple[DesignSpec, Design]:
    """Learn codings, knots and levels from a data frame, and build its design.

    Texts are evaluated: check them first. No row is dropped; missing values are errors.

    Parameters
    ----------
    frame : DataFrame, shape (n_samples, n_features)
        Rows of the fit.
    fixed : mapping of str to str
        One-sided formula of each linear predictor, ``{"mean": "1 + x", "precision": "1"}``.
    terms : sequence of Term, default=()
        Random-effects terms; those on the same grouping factor make one factor, but for those of
        times, places and individuals, of which each row has one.
    offset : str, default=None
        Column added to the first linear predictor, on its scale.
    offsets : mapping of str to sequence of str or float, default=None
        Expressions, or numbers, added to each linear predictor, on its scale; those without are
        left out.
    without_intercept : collection of str, default=()
        Linear predictors whose intercepts are left out, with categories coded as beside one.
    numbers : collection of str, default=()
        Linear predictors that are one number each, as parameters of tables by their own names.
    all_named : bool, default=False
        Whether names of the first predictor's coefficients and effects tell it, too.
    context : mapping of str to object, default=None
        Functions that formulas may call, besides formulaic's own.
    relationships : mapping of str to object, default=None
        Matrices of relationships by name, see `learn_individuals`.
    float_groups : bool, default=False
        Whether grouping columns may hold floating-point numbers, as in plain arrays.

    Returns
    -------
    spec : DesignSpec
        What was learned; holds no rows.
    design : Design
        The arrays of `frame`.

    Raises
    ------
    DesignError
        When the data do not give the matrices that the texts ask for.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm.design import Term, learn
    >>> frame = pd.DataFrame({"x": [0.5, 1.0, 2.0], "g": ["a", "b", "a"]})
    >>> spec, design = learn(frame, {"mean": "1 + x"}, [Term("1", ("g",))])
    >>> design.codes
    (array([0, 1, 0]),)
    >>> spec.layout.factors[0].labels
    array(['a', 'b'], dtype=object)
    """
    refuse_empty(frame)
    context = functions(context)
    plan = _Plan.of(fixed, terms, offsets, all_named=all_named)
    texts = plan.texts(fixed)
    used = {key: uses(text, frame.columns, context) for key, text in texts.items()}
    columns, data = _learn_columns(frame, used)
    levels, codes = _learn_groups(frame, plan, float_groups=float_groups)
    indexed = [_indexed(frame, found, relationships) for found in plan.merged]
    bare = [
        k for name, k in zip(fixed, plan.fixed_keys(), strict=True) if name in without_intercept
    ]
    specs, matrices = learn_matrices(texts, data, len(frame), context, bare)
    for key, expressions in plan.offset_texts().items():
        refuse_coded(specs[key], expressions)
    fixed_parts = _parts(plan.fixed_keys(), used)
    offset_parts = tuple(_parts(keys, used) for keys in plan.offset_keys())
    needed = [name for part in (fixed_parts, *offset_parts) for name in part.columns]
    spec = DesignSpec(
        replace(
            _layout(plan, levels, specs, offset, indexed),
            numbers=tuple(plan.predictors.index(name) for name in numbers),
            implied=tuple(plan.predictors.index(name) for name in without_intercept),
        ),
        offset,
        tuple(dict.fromkeys([*needed, *([offset] if offset is not None else [])])),
        fixed_parts,
        tuple(_parts(keys, used) for keys in plan.effect_keys()),
        offset_parts,
        levels,
        tuple(None if each is None else each[0] for each in indexed),
        columns,
        specs,
        single_levels(specs[key] for key in plan.fixed_keys()),
        plan.added,
    )
    return spec, spec.assemble(frame, matrices, codes, range(len(levels)))


def label_columns(
    frame: pd.DataFrame,
    fixed: Mapping[str, str],
    terms: Sequence[Term] = (),
    *,
    offsets: Mapping[str, Sequence[str | float]] | None = None,
    context: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the columns whose labels formulas turn into columns of matrices.

    Parameters
    ----------
    frame : DataFrame
        Some rows.
    fixed, terms, offsets, context
        See `learn`.
    """
    texts = _Plan.of(fixed, terms, offsets).texts(fixed).values()
    used = [uses(text, frame.columns, functions(context)) for text in texts]
    coded = {name for found in used for name, use in found.items() if use.coded}
    names = dict.fromkeys(name for found in used for name in found)
    return [name for name in names if name in coded or is_label(pick(frame, name))]


def place_columns(term: Term) -> tuple[str, ...]:
    """Return the columns whose distinct times or places are a term's effects, or none."""
    return tuple(place_names(term.effects, term.structure)) if _is_at_places(term) else ()


@dataclass(frozen=True)
class _Plan:
    """Which texts make which matrix: predictors, terms by grouping factor, and offsets."""

    predictors: tuple[str, ...]
    merged: tuple[tuple[Term, ...], ...]
    offsets: tuple[tuple[str, ...], ...]
    added: tuple[float | None, ...]
    all_named: bool

    @classmethod
    def of(
        cls,
        fixed: Mapping[str, str],
        terms: Sequence[Term],
        offsets: Mapping[str, Sequence[str | float]] | None,
        *,
        all_named: bool = False,
    ) -> "_Plan":
        """Return the plan of a model; `offsets` are expressions and numbers of some predictors."""
        given, first = offsets or {}, next(iter(fixed))
        placed = [t._replace(predictor=first) if t.predictor is None else t for t in terms]
        parts = [given.get(k, ()) for k in fixed]
        texts = tuple(tuple(each for each in part if isinstance(each, str)) for part in parts)
        numbers = ([each for each in part if not isinstance(each, str)] for part in parts)
        added = tuple(sum(part) if part else None for part in numbers)
        return cls(tuple(fixed), _merge(placed), texts, added, all_named)

    def texts(self, fixed: Mapping[str, str]) -> dict[str, str]:
        """Return the text of each matrix."""
        effects = [t.effects for terms in self.merged for t in terms if not _is_at_places(t)]
        keys = [key for keys in self.effect_keys() for key in keys]
        texts = dict(zip([*self.fixed_keys(), *keys], [*fixed.values(), *effects], strict=True))
        shifts = self.offset_texts().items()
        return texts | {key: offset_text(expressions) for key, expressions in shifts}

    def fixed_keys(self) -> tuple[str, ...]:
        """Return the key of the matrix of each predictor."""
        return tuple(f"fixed{index}" for index in range(len(self.predictors)))

    def offset_texts(self) -> dict[str, tuple[str, ...]]:
        """Return the expressions of each matrix of offsets."""
        return {f"offset{k}": found for k, found in enumerate(self.offsets) if found}

    def offset_keys(self) -> list[tuple[str, ...]]:
        """Return the key of the matrix of the offsets of each predictor, or none."""
        return [(f"offset{k}",) if found else () for k, found in enumerate(self.offsets)]

    def effect_keys(self) -> list[tuple[str, ...]]:
        """Return the keys of the matrices of each factor, one for each term with one."""
        return [
            tuple(f"effects{i}_{place}" for place, t in enumerate(terms) if not _is_at_places(t))
            for i, terms in enumerate(self.merged)
        ]


def _merge(terms: Sequence[Term]) -> tuple[tuple[Term, ...], ...]:
    """Return the terms of each grouping factor, in the order of the first of them.

    Terms of one key follow the first of them; those of which each row has one effect stand alone.
    """
    merged: dict[object, list[Term]] = {}
    for place, term in enumerate(terms):
        key = place if is_indexed(term.structure) else frozenset(term.group)
        merged.setdefault(key, []).append(term)
    return tuple(tuple(chain.from_iterable(_blocks(found))) for found in merged.values())


def _blocks(terms: Sequence[Term]) -> list[list[Term]]:
    """Return the terms whose effects are correlated with each other together."""
    blocks: dict[object, list[Term]] = {}
    for place, term in enumerate(terms):
        blocks.setdefault(term.key or place, []).append(term)
    return list(blocks.values())


def _is_at_places(term: Term) -> bool:
    """Return whether a term's effects are those of times or places, and have no matrix."""
    return is_indexed(term.structure) and term.structure != RELATED


_Indexed = tuple[IndexedEffects, Covariance] | None


def _indexed(
    frame: pd.DataFrame, terms: Sequence[Term], relationships: Mapping[str, Any] | None
) -> _Indexed:
    """Return the effects of which each row has one, and their covariance; None of others."""
    (term, *_) = terms
    if not is_indexed(term.structure):
        return None
    structure = term.structure, term.argument
    return learn_indexed(frame, term.effects, term.group, structure, relationships)


def _learn_columns(frame: pd.DataFrame, used: _Uses) -> tuple[dict[str, Column], dict[str, Any]]:
    """Return what is kept of each column, and their values in the types for formulaic."""
    every: dict[str, list[Use]] = {}
    for uses_of_text in used.values():
        for name, use in uses_of_text.items():
            every.setdefault(name, []).append(use)
    columns: dict[str, Column] = {}
    data: dict[str, Any] = {}
    if _INTERCEPT in every:
        msg = f"a column named {_INTERCEPT!r} reads as the intercept in a table; rename it"
        raise DesignError(msg)
    for name, found in every.items():
        use = Use(any(use.coded for use in found), any(use.plain for use in found))
        columns[name], data[name] = Column.learn(pick(frame, name), use)
    return columns, data


def _learn_groups(
    frame: pd.DataFrame, plan: _Plan, *, float_groups: bool
) -> tuple[tuple[Levels, ...], list[Ints]]:
    """Return the levels of each factor, and the codes of the rows."""
    factors = [() if terms[0].structure == RELATED else terms[0].group for terms in plan.merged]
    names = dict.fromkeys(name for group in factors for name in group)
    labels = {name: learn_labels(pick(frame, name), float_groups=float_groups) for name in names}
    learned = [
        Levels.learn(group, labels, may_be_one=is_indexed(terms[0].structure))
        if group
        else Levels.whole(len(frame))
        for group, terms in zip(factors, plan.merged, strict=True)
    ]
    return tuple(found for found, _ in learned), [codes for _, codes in learned]


def _parts(keys: tuple[str, ...], used: _Uses) -> Selection:
    return Selection(keys, tuple(dict.fromkeys(name for key in keys for name in used[key])))


def _layout(
    plan: _Plan,
    levels: Sequence[Levels],
    specs: Mapping[str, MatrixSpec],
    offset: str | None,
    indexed: Sequence[_Indexed],
) -> Layout:
    factors = [
        _factor(terms, found, [specs[key].column_names for key in keys], plan)
        if each is None
        else _indexed_factor(terms[0], found, each, plan)
        for terms, found, keys, each in zip(
            plan.merged, levels, plan.effect_keys(), indexed, strict=True
        )
    ]
    by_columns = {
        frozenset(terms[0].group): each.name
        for terms, each in zip(plan.merged, factors, strict=True)
    }
    _refuse_twins(list(by_columns.values()), "grouping factors")
    for keys, factor in zip(plan.effect_keys(), factors, strict=True):
        refuse_empty_effects([specs[key] for key in keys], factor.name)
    coefficients = tuple(tuple(specs[key].column_names) for key in plan.fixed_keys())
    for names in coefficients:
        _refuse_twins(names, "effects")
    first = () if offset is None else (offset,)
    numbers = [() if number is None else (f"{number:g}",) for number in plan.added]
    offsets = [
        tuple(sorted((*(first if k == 0 else ()), *numbers[k], *found)))
        for k, found in enumerate(plan.offsets)
    ]
    layout = Layout(
        plan.predictors,
        coefficients,
        tuple(factors),
        tuple(offsets),
        all_named=plan.all_named,
    )
    labels = [label for k in range(len(coefficients)) for label in layout.labels(k)]
    _refuse_twins(labels, "coefficients")
    return layout


def _refuse_twins(names: Sequence[str], what: str) -> None:
    """Refuse one name for two things: the column `a:b`, and a:b of two columns."""
    name, count = Counter(names).most_common(1)[0] if names else ("", 0)
    if count > 1:
        msg = f"two {what} are both called {name!r}; rename the column that has this name"
        raise DesignError(msg)


def _factor(
    terms: Sequence[Term],
    levels: Levels,
    names: Sequence[Sequence[str]],
    plan: _Plan,
) -> Factor:
    sizes, parts, start = [], [], 0
    for block in _blocks(terms):
        size = sum(map(len, names[start : start + len(block)]))
        start += len(block)
        sizes.append(size)
        parts.append(covariance_of(block[0].structure, block[0].argument, size))
    covariance = parts[0] if len(parts) == 1 else BlockDiagonal(tuple(parts))
    refuse_parameters(":".join(levels.columns), sum(sizes), covariance.n_params)
    effects = [
        (plan.predictors.index(term.predictor), name)
        for term, part in zip(terms, names, strict=True)
        for name in part
    ]
    return Factor(
        ":".join(levels.columns),
        levels.texts(),
        tuple(label_in(plan.predictors, k, name, all_named=plan.all_named) for k, name in effects),
        tuple(k for k, _ in effects),
        tuple(sizes),
        covariance,
    )


def _indexed_factor(
    term: Term, levels: Levels, indexed: tuple[IndexedEffects, Covariance], plan: _Plan
) -> Factor:
    effects, covariance = indexed
    k, name = plan.predictors.index(term.predictor), ":".join(term.group) or "1"
    refuse_parameters(name, covariance.size, covariance.n_params)
    label = partial(label_in, plan.predictors, k, all_named=plan.all_named)
    return Factor(
        name,
        levels.texts(),
        tuple(map(label, effects.names)),
        (k,) * covariance.size,
        (covariance.size,),
        covariance,
        is_one_hot=True,
        joint_name=label(effects.joint_name),
    )
