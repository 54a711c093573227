"""The arrays of a model and the names of their columns, as frozen records."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skglmm.arrays import Bools, Floats, Ints
from skglmm.covariance import Covariance, EffectNames, Extended, Relationship
from skglmm.design.one_hot import EffectColumns, OneHot

if TYPE_CHECKING:  # which reads formulas
    from skglmm.design.smooths import LearnedSmooth

__all__ = ["Design", "Factor", "Layout", "SmoothCurve", "label_in"]


@dataclass(frozen=True, eq=False)
class Factor:
    """One grouping factor, with the effects that vary over its levels: names, no rows.

    Parameters
    ----------
    name : str
        Its columns, joined by colons: ``"range:site"``.
    labels : ndarray of object, shape (n_levels,)
        Text of each level, ``"Bavarian:a"``, in sorted order.
    columns : tuple of str, length n_columns
        Names of the effects: ``("Intercept", "x", "precision(Intercept)")``.
    predictors : tuple of int, length n_columns
        Index of the linear predictor that each effect feeds.
    terms : tuple of int
        Number of effects of each term on this factor; terms with one key count as one.
    covariance : Covariance
        Covariance of the effects of one level.
    is_one_hot : bool
        Whether each row has one of the effects of its level, by index: its columns are `OneHot`.
        Such a term is a factor of its own, even if others have the same levels.
    joint_name : str
        Of all of these effects together, in names of parameters: ``"t"``.
    parts : tuple of str, length n_columns
        Name of the curve that each effect is a part of, empty for others; none at all where no
        effect is a part of a curve.
    """

    name: str
    labels: NDArray[np.object_]
    columns: tuple[str, ...]
    predictors: tuple[int, ...]
    terms: tuple[int, ...]
    covariance: Covariance
    is_one_hot: bool = False
    joint_name: str = ""
    parts: tuple[str, ...] = ()

    @property
    def is_smooth(self) -> bool:
        """Whether the effects are parts of curves over all rows, which fixed effects are, too."""
        return bool(self.parts) and not self.name

    @property
    def are_groups(self) -> bool:
        """Whether its levels are groups of rows, with few effects each."""
        return not (self.is_one_hot or self.is_smooth)

    @property
    def effect_names(self) -> EffectNames:
        """What the covariance makes names of its parameters of."""
        return EffectNames(self.name, self.columns, self.joint_name, self.parts)

    @property
    def n_columns(self) -> int:
        """Number of effects of one level."""
        return len(self.columns)

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        return len(self.labels)

    @property
    def size(self) -> int:
        """Number of effects over all levels."""
        return self.n_columns * self.n_levels

    @property
    def are_individuals(self) -> bool:
        """Whether the effects are those of related individuals, which users take for levels."""
        return isinstance(self.covariance, Relationship)

    def beyond(self, points: Floats, names: Iterable[str]) -> "Factor":
        """Return the factor with effects at m further times or places, shape (m, d)."""
        if not len(points):
            return self
        covariance = Extended.of(self.covariance, points)
        return replace(
            self,
            columns=(*self.columns, *names),
            predictors=self.predictors[:1] * covariance.size,
            terms=(covariance.size,),
            covariance=covariance,
        )


@dataclass(frozen=True, eq=False)
class SmoothCurve:
    """One curve of a smooth term over all rows.

    Parameters
    ----------
    name : str
        ``"s(x)"``, ``"s(x):f[a]"``, ``"precision(s(x))"``.
    predictor : int
        The linear predictor that it is added to.
    trends : tuple of int
        Its columns of the fixed-effects matrix of the predictor.
    bends : tuple of int
        Its effects in the factor of smooths.
    smooth : LearnedSmooth
    place : int
        Which curve of the smooth term it is.
    """

    name: str
    predictor: int
    trends: tuple[int, ...]
    bends: tuple[int, ...]
    smooth: "LearnedSmooth"
    place: int

    def columns(self, x: Floats) -> Floats:
        """Return the columns of the curve at points, (m, d): its trends and then its bends."""
        basis = self.smooth.basis
        return np.column_stack([basis.trends(x), basis.bends(x)])

    @property
    def root(self) -> Floats:
        """Upper triangle R of its columns X in the rows of the fit, of which R'R = X'X."""
        return self.smooth.roots[self.place]


@dataclass(frozen=True, eq=False)
class Layout:
    """Names of everything that a model estimates.

    Parameters
    ----------
    predictors : tuple of str, length n_predictors
        Names of the linear predictors: ``("mean", "precision")``.
    coefficients : tuple of tuple of str
        Names of the fixed columns of each predictor.
    factors : tuple of Factor
        The grouping factors, in the order of the formula.
    offsets : tuple of tuple of str
        What is added to each predictor, in the words of the formula; empty for nothing at all.
    numbers : tuple of int
        Predictors that are one number each, and are called by their own names.
    implied : tuple of int
        Predictors whose intercept other parameters take the place of.
    all_named : bool
        Whether names of the first predictor's coefficients and effects tell it, too: ``b(x)``.
    left_out : tuple of int
        Predictors of what is no part of the model: of a residual whose place random effects take.
    curves : tuple of SmoothCurve
        Smooths over all rows.
    """

    predictors: tuple[str, ...]
    coefficients: tuple[tuple[str, ...], ...]
    factors: tuple[Factor, ...]
    offsets: tuple[tuple[str, ...], ...] = ()
    numbers: tuple[int, ...] = ()
    implied: tuple[int, ...] = ()
    all_named: bool = False
    left_out: tuple[int, ...] = ()
    curves: tuple[SmoothCurve, ...] = ()

    def is_shifted(self, k: int) -> bool:
        """Whether something is added to a predictor."""
        return bool(self.offsets and self.offsets[k])

    @property
    def smooth_factors(self) -> tuple[int, ...]:
        """The place of the factor of smooths over all rows; none where there are none."""
        return tuple(f for f, factor in enumerate(self.factors) if factor.is_smooth)

    @property
    def grouping_factors(self) -> tuple[Factor, ...]:
        """The factors but for that of smooths."""
        return tuple(factor for factor in self.factors if not factor.is_smooth)

    @property
    def n_levels(self) -> dict[str, int]:
        """Number of levels by grouping factor; related individuals are levels."""
        found: dict[str, int] = {}
        for factor in self.grouping_factors:
            count = factor.n_columns if factor.are_individuals else factor.n_levels
            found[factor.name] = max(count, found.get(factor.name, 0))
        return found

    def labels(self, k: int) -> list[str]:
        """Names of the coefficients of predictor k, unlike those of others: ``precision(x)``."""
        if k in self.numbers:
            return [self.predictors[k]]
        return [self.label(k, name) for name in self.coefficients[k]]

    def described(self, k: int) -> str:
        """What predictor k is about: ``precision``, ``class b``."""
        return f"class {self.predictors[k]}" if self.all_named else self.predictors[k]

    def label(self, k: int, name: str) -> str:
        """Name of a coefficient or a term of predictor k, unlike those of others."""
        return label_in(self.predictors, k, name, all_named=self.all_named)


@dataclass(frozen=True, eq=False)
class Design:
    """The arrays of a model for some rows.

    Parameters
    ----------
    layout : Layout
        Names of the columns and levels.
    fixed : tuple of ndarray, shape (n_samples, n_coefficients)
        Fixed-effects matrix of each predictor, in Fortran order.
    offsets : tuple of ndarray or None, shape (n_samples,)
        What is added to each predictor, on its own scale.
    codes : tuple of ndarray of intp, shape (n_samples,)
        Level of each row, for each factor; -1 is a level that was not learned.
    columns : tuple of ndarray, shape (n_samples, n_columns), or OneHot
        Effects of each factor, in Fortran order.
    """

    layout: Layout
    fixed: tuple[Floats, ...]
    offsets: tuple[Floats | None, ...]
    codes: tuple[Ints, ...]
    columns: tuple[EffectColumns, ...]

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return int(self.fixed[0].shape[0])

    def take(self, rows: Ints | Bools | slice) -> "Design":
        """Return the design of some of the rows, given by position or mask."""
        places = _places(rows)
        n_fixed = len(self.fixed)
        fixed, columns = self._constant[:n_fixed], self._constant[n_fixed:]
        return Design(
            self.layout,
            tuple(_taken(x, places, each) for x, each in zip(self.fixed, fixed, strict=True)),
            tuple(None if offset is None else offset[places] for offset in self.offsets),
            tuple(codes[places] for codes in self.codes),
            tuple(
                z[places] if isinstance(z, OneHot) else _taken(z, places, each)
                for z, each in zip(self.columns, columns, strict=True)
            ),
        )

    @cached_property
    def _constant(self) -> list[list[bool]]:
        """Which columns of the matrices have one value in all rows."""
        return [
            [] if isinstance(x, OneHot) else [_is_constant(column) for column in x.T]
            for x in (*self.fixed, *self.columns)
        ]


def _places(rows: Ints | Bools | slice) -> Ints | slice:
    if isinstance(rows, slice):
        return rows
    is_mask = rows.dtype == np.bool_
    return np.flatnonzero(rows) if is_mask else np.asarray(rows, dtype=np.intp)


def _taken(matrix: Floats, rows: Ints | slice, constant: list[bool]) -> Floats:
    """Return some rows of a matrix, column by column: of constant ones none is looked up."""
    if isinstance(rows, slice):
        return np.asfortranarray(matrix[rows])
    if constant == [True] and len(rows) <= len(matrix):
        return matrix[: len(rows)]
    out = np.empty((len(rows), matrix.shape[1]), order="F")
    for j, is_constant in enumerate(constant):
        out[:, j] = matrix[0, j] if is_constant else matrix[:, j][rows]
    return out


def _is_constant(column: Floats) -> bool:
    return bool(len(column) and column[0] == column[-1] and np.all(column == column[0]))


def label_in(predictors: Sequence[str], k: int, name: str, *, all_named: bool = False) -> str:
    """Return the name of a coefficient or an effect of predictor k, unlike those of others."""
    return f"{predictors[k]}({name})" if k or all_named else name
