"""The compiler: texts and a data frame become a design, and the spec of others like it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from skglmm.arrays import Ints
from skglmm.design.build import DesignSpec, Selection
from skglmm.design.columns import Column, Use, is_label, pick, refuse_empty
from skglmm.design.empty import single_levels
from skglmm.design.groups import Levels, learn_labels
from skglmm.design.layout import Indexed, layout_of
from skglmm.design.matrices.materialize import learn_matrices
from skglmm.design.matrices.names import functions, uses
from skglmm.design.offsets import refuse_coded
from skglmm.design.plan import ModelPlan, Term
from skglmm.design.records import Design
from skglmm.design.structures import (
    RELATED,
    is_indexed,
    learn_indexed,
)
from skglmm.exceptions import DesignError

__all__ = ["label_columns", "learn"]

_Uses = Mapping[str, Mapping[str, Use]]  # of each text, by column
_INTERCEPT = "Intercept"  # what formulaic calls the column of ones


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
    plan = ModelPlan.of(fixed, terms, offsets, all_named=all_named)
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
            layout_of(plan, levels, specs, offset, indexed),
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
    texts = ModelPlan.of(fixed, terms, offsets).texts(fixed).values()
    used = [uses(text, frame.columns, functions(context)) for text in texts]
    coded = {name for found in used for name, use in found.items() if use.coded}
    names = dict.fromkeys(name for found in used for name in found)
    return [name for name in names if name in coded or is_label(pick(frame, name))]


def _indexed(
    frame: pd.DataFrame, terms: Sequence[Term], relationships: Mapping[str, Any] | None
) -> Indexed:
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
    frame: pd.DataFrame, plan: ModelPlan, *, float_groups: bool
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
