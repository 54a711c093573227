"""What was learned from a data frame, and the designs that it builds of others."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.covariance import Relationship
from skglmm.design.columns import Column, numbers, pick, refuse_empty
from skglmm.design.groups import Levels
from skglmm.design.individuals import Individuals
from skglmm.design.matrices.materialize import build_matrices
from skglmm.design.matrices.matrix import MatrixSpec
from skglmm.design.matrices.names import columns_of, functions
from skglmm.design.matrices.term_table import TermTable, term_table
from skglmm.design.offsets import total
from skglmm.design.one_hot import EffectColumns, OneHot
from skglmm.design.places import Places
from skglmm.design.records import Design, Factor, Layout
from skglmm.design.structures import IndexedEffects
from skglmm.exceptions import DesignError

__all__ = ["DesignSpec", "Selection"]

_OFFSET = "offset column"


@dataclass(frozen=True, eq=False)
class Selection:
    """Keys of some learned matrices, and the columns that they need."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class DesignSpec:
    """What was learned from a data frame: codings, knots, levels; no rows.

    Parameters
    ----------
    layout : Layout
        Names of the columns and levels.
    offset : str or None
        Column added to the first linear predictor.
    variables : tuple of str
        Columns that the fixed part needs, those of the offsets among them.
    fixed_parts, effect_parts : Selection, tuple of Selection
        Keys of the matrices of the fixed part, and of the effects of each factor.
    offset_parts : tuple of Selection
        Keys of the matrices of the offsets of each linear predictor, one or none.
    levels : tuple of Levels
        Levels of each factor.
    indexed : tuple of IndexedEffects or None
        Times, places or individuals of each factor whose rows have one effect each.
    columns : mapping of str to Column
        Kind and labels of each column that a matrix uses.
    specs : mapping of str to MatrixSpec
        Learned state of each matrix.
    constant : mapping of str to str
        Categories of the fixed part that give no column beside the intercept, each with its
        single level.
    added : tuple of float or None
        Number that is added to each linear predictor in all rows.
    """

    layout: Layout
    offset: str | None
    variables: tuple[str, ...]
    fixed_parts: Selection
    effect_parts: tuple[Selection, ...]
    offset_parts: tuple[Selection, ...]
    levels: tuple[Levels, ...]
    indexed: tuple[IndexedEffects | None, ...]
    columns: Mapping[str, Column]
    specs: Mapping[str, MatrixSpec]
    constant: Mapping[str, str]
    added: tuple[float | None, ...]

    @property
    def group_variables(self) -> tuple[tuple[str, ...], ...]:
        """Grouping columns that the codes of each factor need."""
        return tuple(levels.columns for levels in self.levels)

    @property
    def level_variables(self) -> tuple[tuple[str, ...], ...]:
        """Columns that tell what is new to each factor: levels, or related individuals."""
        pairs = zip(self.levels, self.indexed, strict=True)
        return tuple(
            known.columns if isinstance(known, Individuals) else levels.columns
            for levels, known in pairs
        )

    @property
    def effect_variables(self) -> tuple[tuple[str, ...], ...]:
        """Columns that the effects of each factor need."""
        pairs = zip(self.effect_parts, self.indexed, strict=True)
        return tuple(
            parts.columns if indexed is None else (*indexed.columns, *parts.columns)
            for parts, indexed in pairs
        )

    @property
    def fixed_terms(self) -> tuple[Mapping[tuple[str, ...], tuple[int, ...]], ...]:
        """Columns of each term of the fixed part of each predictor, by its factors.

        ``{("x",): (1,), ("x", "cat"): (2, 3)}``; the intercept is no term.
        """
        return tuple(self.specs[key].places() for key in self.fixed_parts.keys)

    def term_table(self, predictor: int, *, treatment: bool = False) -> TermTable:
        """Return the terms of the fixed part of a predictor, see `term_table`."""
        return term_table(self.specs[self.fixed_parts.keys[predictor]], treatment=treatment)

    def variables_of(self, predictor: int, columns: Collection[int]) -> list[str]:
        """Return the columns of the frame that make some fixed columns of a predictor.

        Parameters
        ----------
        predictor : int
        columns : collection of int
            Places in its matrix.
        """
        spec = self.specs[self.fixed_parts.keys[predictor]]
        wanted = {spec.column_names[j] for j in columns}
        terms = [term for term in spec.terms if wanted.intersection(term.columns)]
        used = columns_of(text for term in terms for text in term.factors)
        return [name for name in self.columns if name in used]

    def build(
        self,
        frame: pd.DataFrame,
        factors: Collection[str] | None = None,
        *,
        effects: Collection[str] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Design:
        """Build the design of other rows.

        Parameters
        ----------
        frame : DataFrame, shape (n_samples, n_features)
            Rows with the columns that are needed, in any order; others are ignored.
        factors : collection of str, default=None
            Names of the factors whose levels are looked up, None for all. The others need
            no grouping column; their codes are -1.
        effects : collection of str, default=None
            Names of the factors whose effects are built, None for those of `factors`. The
            others need no column; their effects are 0.
        context : mapping of str to object, default=None
            The functions that `learn` was given; a spec does not keep them.

        Returns
        -------
        Design
            Arrays of n_samples rows.

        Raises
        ------
        DesignError
            When a column is unknown, has another type than in fit, misses values, or has
            levels of a fixed effect that fit did not see.
        """
        refuse_empty(frame)
        coded = self._select(factors)
        made = coded if effects is None else self._select(effects)
        effect_parts = [self.effect_parts[index] for index in sorted(made)]
        parts = [self.fixed_parts, *self.offset_parts, *effect_parts]
        needed = dict.fromkeys(name for part in parts for name in part.columns)
        data = {name: self.columns[name].read(pick(frame, name)) for name in needed}
        specs = {key: self.specs[key] for part in parts for key in part.keys}
        matrices = build_matrices(specs, data, len(frame), functions(context))
        codes = [
            levels.codes(frame) if index in coded else np.full(len(frame), -1, dtype=np.intp)
            for index, levels in enumerate(self.levels)
        ]
        return self.assemble(frame, matrices, codes, made)

    def extended(self, frame: pd.DataFrame, factors: Collection[str] | None = None) -> "DesignSpec":
        """Return a spec that also knows the levels, times and places of other rows, after its own.

        Parameters
        ----------
        frame : DataFrame, shape (n_samples, n_features)
            Rows with the grouping columns.
        factors : collection of str, default=None
            Names of the factors that learn levels, None for all.

        Returns
        -------
        DesignSpec

        Raises
        ------
        DesignError
            When a grouping column is unknown, has another type than in fit or misses values; for
            individuals without relationships.
        """
        chosen = self._select(factors)
        levels, indexed, parts = list(self.levels), list(self.indexed), list(self.layout.factors)
        for f in sorted(chosen):
            levels[f] = levels[f].extended(frame)
            grown, known = replace(parts[f], labels=levels[f].texts()), indexed[f]
            if isinstance(known, Places):
                places = known.extended(frame)
                fresh = places.points[len(known.points) :]
                (k,) = set(grown.predictors)
                label = partial(self.layout.label, k)
                grown = grown.beyond(fresh, map(label, places.names_of(fresh)))
                indexed[f] = places
            elif known is not None:
                known.extended(frame)  # which refuses those without relationships
            parts[f] = grown
        layout = replace(self.layout, factors=tuple(parts))
        return replace(self, levels=tuple(levels), indexed=tuple(indexed), layout=layout)

    def read(self, frame: pd.DataFrame, design: Design | None = None) -> list[Floats | Ints]:
        """Return what the design of rows is made of: each of shape (n_samples,).

        The columns of the formulas, as numbers or codes of their labels, the level of each
        factor, and the offset. Levels that a design of these rows has are not looked up again.
        """
        known = (column.read(pick(frame, name)) for name, column in sorted(self.columns.items()))
        found = [
            values.codes.astype(np.intp) if isinstance(values, pd.Categorical) else values
            for values in known
        ]
        found += [x.codes(frame) for x in self.levels] if design is None else design.codes
        found += [each.index(frame) for each in self.indexed if each is not None]
        if self.offset is not None:
            found.append(numbers(pick(frame, self.offset), _OFFSET))
        return found

    def _select(self, names: Collection[str] | None) -> set[int]:
        known = [factor.name for factor in self.layout.factors]
        unknown = [] if names is None else [name for name in names if name not in known]
        if unknown:
            msg = f"unknown grouping factor {unknown[0]!r}; the model has {known}"
            raise DesignError(msg)
        return {i for i, name in enumerate(known) if names is None or name in names}

    def assemble(
        self,
        frame: pd.DataFrame,
        matrices: Mapping[str, Floats],
        codes: Sequence[Ints],
        made: Collection[int],
    ) -> Design:
        """Put matrices and codes together; factors whose effects are not `made` get zeros."""
        column = None if self.offset is None else numbers(pick(frame, self.offset), _OFFSET)
        shifts = [None if number is None else np.full(len(frame), number) for number in self.added]
        shifts[0] = total([shifts[0], column])
        offsets = [
            total([shifts[k], *(matrices[key].sum(axis=1) for key in part.keys)])
            for k, part in enumerate(self.offset_parts)
        ]
        columns: list[EffectColumns] = []
        codes = list(codes)
        for f, (parts, indexed) in enumerate(zip(self.effect_parts, self.indexed, strict=True)):
            size = self.layout.factors[f].n_columns
            found = [matrices[key] for key in parts.keys if key in matrices]
            if indexed is not None:
                z = _one_hot(indexed, frame, self.layout.factors[f]) if f in made else None
                if z is None:
                    z = OneHot(np.zeros(len(frame), dtype=np.intp), size, np.zeros(len(frame)))
                elif found and np.any(found[0] != 1.0):
                    z = z.times(found[0][:, 0])
                codes[f] = np.where(z.index < 0, -1, codes[f])  # of which nothing is known
                columns.append(replace(z, index=np.maximum(z.index, 0)))
            else:
                zeros = np.zeros((len(frame), size), order="F")
                columns.append(_beside(found) if found else zeros)
        return Design(
            self.layout,
            tuple(matrices[key] for key in self.fixed_parts.keys),
            tuple(offsets),
            tuple(codes),
            tuple(columns),
        )


def _one_hot(indexed: IndexedEffects, frame: pd.DataFrame, factor: Factor) -> OneHot:
    """Return the effect of each row, with new times and places after the learned ones.

    Individuals without relationships vary as those do that have 1 on the diagonal.
    """
    size = factor.n_columns
    if isinstance(indexed, Individuals):
        index = indexed.index(frame)
        if not (index < 0).any():
            return OneHot(index, size)
        assert isinstance(factor.covariance, Relationship)
        founder = 1.0 / np.sqrt(factor.covariance.relatives.matrix[0, 0])
        return OneHot(index, size, np.where(index < 0, founder, 1.0))
    points = indexed.read(frame)
    index = indexed.index_of(points)
    fresh = np.flatnonzero(index < 0)
    if not len(fresh):
        return OneHot(index, size)
    new, place = np.unique(points[fresh], axis=0, return_inverse=True)
    index[fresh] = size + place.ravel()
    return OneHot(index, size + len(new), new=new)


def _beside(matrices: Sequence[Floats]) -> Floats:
    """Return matrices side by side, in Fortran order; a single one is not copied."""
    if len(matrices) == 1:
        return matrices[0]
    return np.asfortranarray(np.concatenate(matrices, axis=1))
