"""Centered and scaled designs to fit on, and the way back to the user's units."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.covariance import Covariance
from skglmm.design import Design, Factor, Layout, turned
from skglmm.fitting.data.null_space import NullSpace, null_space, widened
from skglmm.fitting.data.separable import refuse_inseparable
from skglmm.fitting.data.summaries import CONSTANT_TOL, Columns, Independent, independent, summaries
from skglmm.fitting.data.units import USER, Units
from skglmm.linalg import block_diagonal
from skglmm.parts import Parts

__all__ = ["Scales", "learn_scales"]

T = TypeVar("T")


@dataclass(frozen=True)
class Scales:
    """How the columns of designs are centered and scaled, with the maps back.

    Parameters
    ----------
    aliased : tuple of tuple of int
        Columns left out of each predictor.
    centers, sizes : tuple of ndarray, each of shape (p_k kept,)
        Of the columns that are kept.
    constant : tuple of ndarray of bool, each of shape (p_k kept,)
        Which standardized columns are one in all rows, and which were exchanged: their
        coefficients are linear predictors, for which a limit holds. Where that is a floor, all
        columns of the predictor have the other sign, see `turned_over`.
    widths : tuple of ndarray, each of shape (p_k kept,)
        Largest absolute value of each standardized column, or a bound of it.
    spans : tuple of ndarray, each of shape (p_k,)
        Largest distance of each of the user's columns from its center; 0 if left out.
    to_user : tuple of ndarray, each of shape (p_k, p_k kept)
        ``standardized columns = the user's columns @ to_user``.
    from_user : tuple of ndarray, each of shape (p_k kept, p_k)
        The way back, with aliased coefficients at zero.
    bases : tuple of ndarray, each of shape (k, k)
        ``standardized columns = the user's columns @ basis``, for each factor.
    null_spaces : tuple of NullSpace
        What the rows leave open of the coefficients of each predictor.
    units : Units
        Of responses and linear predictors. The maps above are those of columns, and of what moves
        the linear predictors of a fit; for the coefficients and effects of the user there are
        `coefficients`, `coefficient_maps` and `effect_maps`.
    origins : tuple of ndarray, each of shape (p_k,)
        The user's coefficients where those of the fit are zero.
    levels : tuple of float
        What is subtracted, in the units of the user, from what is added to each predictor.
    carried : ndarray, shape (sum of p_k, sum of p_k kept), or None
        Changes of the user's coefficients with those of other predictors of the fit: of numbers
        that take the place of an intercept, where the columns of its predictor are centered.
    """

    aliased: tuple[tuple[int, ...], ...]
    centers: tuple[Floats, ...]
    sizes: tuple[Floats, ...]
    constant: tuple[Bools, ...]
    widths: tuple[Floats, ...]
    spans: tuple[Floats, ...]
    to_user: tuple[Floats, ...]
    from_user: tuple[Floats, ...]
    bases: tuple[Floats, ...]
    null_spaces: tuple[NullSpace, ...]
    units: Units
    origins: tuple[Floats, ...]
    levels: tuple[float, ...]
    carried: Floats | None = None

    @property
    def whole_map(self) -> Floats:
        """Changes of all the user's coefficients with all of the fit."""
        found = block_diagonal(*self.coefficient_maps)
        return found if self.carried is None else found + self.carried

    @property
    def whole_way_back(self) -> Floats:
        """Changes of all coefficients of the fit with all of the user's."""
        found = block_diagonal(*self.standard_maps)
        return found if self.carried is None else found - found @ self.carried @ found

    @property
    def coefficient_maps(self) -> tuple[Floats, ...]:
        """Changes of the user's coefficients with those of the fit, (p_k, p_k kept) each."""
        return tuple(self.units.size(k) * turn for k, turn in enumerate(self.to_user))

    @property
    def standard_maps(self) -> tuple[Floats, ...]:
        """Changes of the fit's coefficients with those of the user, (p_k kept, p_k) each."""
        return tuple(turn / self.units.size(k) for k, turn in enumerate(self.from_user))

    def _split(self, user: Floats) -> list[Floats]:
        """Coefficients of all predictors, those of each."""
        return np.split(user, np.cumsum([len(origin) for origin in self.origins])[:-1])

    def effect_maps(self, layout: Layout) -> tuple[Floats, ...]:
        """Return the maps of the fit's effects to those of the user, (k, k) for each factor."""
        sizes = ([self.units.size(k) for k in factor.predictors] for factor in layout.factors)
        pairs = zip(sizes, self.bases, strict=True)
        return tuple(np.array(each)[:, None] * basis for each, basis in pairs)

    def coefficients(self, beta: Sequence[Floats]) -> tuple[Floats, ...]:
        """Return the user's coefficients, (p_k,) each, of those of the fit."""
        moves = [turn @ b for turn, b in zip(self.coefficient_maps, beta, strict=True)]
        if self.carried is not None:
            moves = self._split(np.concatenate(moves) + self.carried @ np.concatenate(beta))
        if not self.units.are_own:
            return tuple(moves)
        return tuple(move + origin for move, origin in zip(moves, self.origins, strict=True))

    def standard_coefficients(self, beta: Sequence[Floats]) -> tuple[Floats, ...]:
        """Undo `coefficients`."""
        if self.carried is not None:
            found = [back @ b for back, b in zip(self.standard_maps, beta, strict=True)]
            beta = self._split(np.concatenate(beta) - self.carried @ np.concatenate(found))
        triples = zip(self.standard_maps, beta, self.origins, strict=True)
        return tuple(back @ (b - origin) for back, b, origin in triples)

    def fixed(self, design: Design, k: int) -> Floats:
        """Return the standardized fixed columns of predictor k, (n, p_k kept)."""
        kept = [j for j in range(design.fixed[k].shape[1]) if j not in self.aliased[k]]
        return _standardized(design.fixed[k], kept, self.centers[k], self.sizes[k])

    def apply(self, design: Design) -> Design:
        """Return the design with standardized columns."""
        fixed = [self.fixed(design, k) for k in range(len(design.fixed))]
        columns = [turned(z, m) for z, m in zip(design.columns, self.bases, strict=True)]
        layout, design = self.layout(design.layout), self.units.design(design, self.levels)
        return replace(design, layout=layout, fixed=tuple(fixed), columns=tuple(columns))

    def layout(self, layout: Layout) -> Layout:
        """Return the layout with covariances that know the units of the fit."""
        pairs = zip(layout.factors, self.effect_maps(layout), strict=True)
        factors = tuple(
            replace(factor, covariance=factor.covariance.in_units(basis)) for factor, basis in pairs
        )
        return replace(layout, factors=factors)

    def turned_over(self, predictors: Collection[int]) -> "Scales":
        """Return the maps for which columns of some predictors have the other sign.

        Their coefficients then have an upper bound where the predictor has a floor.
        """
        signs = [-1.0 if k in predictors else 1.0 for k in range(len(self.sizes))]

        def turned(parts: Sequence[Floats]) -> tuple[Floats, ...]:
            return tuple(sign * part for sign, part in zip(signs, parts, strict=True))

        return replace(
            self,
            sizes=turned(self.sizes),
            to_user=turned(self.to_user),
            from_user=turned(self.from_user),
        )

    def exchanged(self, k: int, j: int, turn: Floats) -> "Scales":
        """Return the maps for which coefficient j is the linear predictor of a row.

        Parameters
        ----------
        k : int
            The predictor.
        j : int
            The coefficient.
        turn : ndarray, shape (p_k kept, p_k kept)
            What the standardized columns are multiplied by.
        """
        constant = self.constant[k].copy()
        constant[j] = True
        return replace(
            self,
            constant=_put(self.constant, k, constant),
            widths=_put(self.widths, k, self.widths[k] @ np.abs(turn)),
            to_user=_put(self.to_user, k, self.to_user[k] @ turn),
            from_user=_put(self.from_user, k, np.linalg.inv(turn) @ self.from_user[k]),
        )


def _put(parts: tuple[T, ...], k: int, part: T) -> tuple[T, ...]:
    return (*parts[:k], part, *parts[k + 1 :])


def learn_scales(
    layout: Layout,
    designs: Parts[Design],
    weights: Parts[Floats | None],
    intercepts: Mapping[int, Mapping[int, float]] | None = None,
) -> Scales:
    """Learn how to center and scale the columns of the designs of some rows each.

    Fixed columns are centered where the predictor has an intercept; columns of random
    effects where the term has one and its covariance is closed under a change of basis. Where
    it is not even closed under a change of units, the columns of a term share their scale.

    Those of predictors with `intercepts`, see `Family`, are centered as beside one.
    """
    intercepts = intercepts or {}
    found, n_predictors = summaries(designs, weights), len(layout.predictors)
    pairs = enumerate(found[:n_predictors])
    implied = [None if k not in layout.implied else k in intercepts for k in range(n_predictors)]
    learned = [_learned(designs, k, columns, centered=implied[k]) for k, columns in pairs]
    drafts, kept, spaces = map(list, zip(*learned, strict=True))
    scales = Scales(
        aliased=tuple(
            tuple(j for j in range(len(draft.sizes)) if j not in places)
            for draft, places in zip(drafts, kept, strict=True)
        ),
        centers=tuple(d.centers[places] for d, places in zip(drafts, kept, strict=True)),
        sizes=tuple(d.sizes[places] for d, places in zip(drafts, kept, strict=True)),
        constant=tuple(d.constant[places] for d, places in zip(drafts, kept, strict=True)),
        widths=tuple(d.widths[places] for d, places in zip(drafts, kept, strict=True)),
        spans=tuple(d.spans(places) for d, places in zip(drafts, kept, strict=True)),
        to_user=tuple(d.to_user[:, places] for d, places in zip(drafts, kept, strict=True)),
        from_user=tuple(
            _inverse(d.to_user, places) for d, places in zip(drafts, kept, strict=True)
        ),
        bases=tuple(
            _basis(factor, columns)
            for factor, columns in zip(layout.factors, found[n_predictors:], strict=True)
        ),
        null_spaces=widened(spaces, designs),
        units=USER,
        origins=tuple(np.zeros(len(draft.sizes)) for draft in drafts),
        levels=(0.0,) * n_predictors,
    )
    for f, factor in enumerate(layout.factors):
        refuse_inseparable(factor, f, designs, scales.bases[f])
    return replace(scales, carried=_carried(scales, intercepts)) if intercepts else scales


def _carried(scales: Scales, intercepts: Mapping[int, Mapping[int, float]]) -> Floats:
    """What numbers gain, in the user's units, with the coefficients of centered columns."""
    counts = [len(turn) for turn in scales.to_user], [turn.shape[1] for turn in scales.to_user]
    rows, columns = (np.cumsum([0, *each]) for each in counts)
    carried = np.zeros((rows[-1], columns[-1]))
    for k, numbers in intercepts.items():
        means = scales.centers[k] / scales.sizes[k]
        for j, weight in numbers.items():
            carried[rows[j], columns[k] : columns[k + 1]] = weight * means
    return carried


def _learned(
    designs: Parts[Design], k: int, columns: Columns, *, centered: bool | None
) -> tuple["_Draft", list[int], NullSpace]:
    """Centers and sizes of a predictor's columns, those that are kept, and what others lack.

    Where an intercept is not there, but implied, columns are combinations of others as beside it;
    they are `centered`, or stay where they are. None is for a predictor without such an intercept.
    """
    implied = centered is not None
    if implied:
        columns = columns.after_one()
    draft = _Draft.of(columns)
    choice = _independent(designs, k, draft, implied=implied)
    space = null_space(draft.to_user, draft.sizes, columns, choice)
    if not implied:
        return draft, choice.kept, space
    bare = draft.without_first if centered else draft.uncentered(columns)
    return bare, [j - 1 for j in choice.kept if j], space.without_first


@dataclass(frozen=True)
class _Draft:
    """Centers and sizes of the columns of one predictor; those of size 0 do not vary."""

    centers: Floats
    sizes: Floats
    widths: Floats
    constant: Bools
    to_user: Floats

    def spans(self, kept: list[int]) -> Floats:
        """Largest distance of each column from its center, 0 for those that are not kept."""
        spans = np.zeros(len(self.sizes))
        spans[kept] = self.sizes[kept] * self.widths[kept]
        return spans

    @property
    def without_first(self) -> "_Draft":
        """The draft of all columns but the first, of ones, which others make up for."""
        return _Draft(
            self.centers[1:],
            self.sizes[1:],
            self.widths[1:],
            self.constant[1:],
            self.to_user[1:, 1:],
        )

    def uncentered(self, columns: Columns) -> "_Draft":
        """Return the draft of all columns but the first, of the same sizes, where they are."""
        sizes = self.sizes[1:]
        far = np.maximum(np.abs(columns.low[1:]), np.abs(columns.high[1:]))
        per_size = np.divide(1.0, sizes, out=np.ones(len(sizes)), where=sizes > 0.0)
        return _Draft(
            np.zeros(len(sizes)),
            sizes,
            np.where(sizes > 0.0, far * per_size, 0.0),
            np.zeros(len(sizes), dtype=np.bool_),
            np.diag(per_size),
        )

    @classmethod
    def of(cls, columns: Columns) -> "_Draft":
        n_columns, constants = len(columns.low), np.flatnonzero(columns.is_constant)
        centers, sizes, to_user = np.zeros(n_columns), np.zeros(n_columns), np.eye(n_columns)
        for j in range(n_columns):
            centered = len(constants) > 0 and j not in constants
            centers[j], sizes[j] = _location(columns, j, centered=centered)
            if sizes[j] == 0:
                continue
            to_user[j, j] = 1.0 / sizes[j]
            if centered:
                first = constants[0]
                to_user[first, j] = -centers[j] / sizes[j] / columns.low[first]
        far = np.maximum(np.abs(columns.low - centers), np.abs(columns.high - centers))
        widths = np.divide(far, sizes, out=np.zeros(n_columns), where=sizes > 0.0)
        return cls(centers, sizes, widths, columns.is_constant & (columns.low > 0.0), to_user)


def _location(columns: Columns, j: int, *, centered: bool) -> tuple[float, float]:
    """Center and spread of a column; a spread of 0 means that it does not vary."""
    center = float(columns.mean[j]) if centered else 0.0
    size = float(columns.spread[j] if centered else columns.size[j])
    varies = size > CONSTANT_TOL * float(columns.size[j])
    return center, size if varies else 0.0


def _standardized(x: Floats, kept: list[int], centers: Floats, sizes: Floats) -> Floats:
    if len(kept) == x.shape[1] and np.all(centers == 0.0) and np.all(sizes == 1.0):
        return x
    out = np.empty((len(x), len(kept)), order="F")
    for place, (j, center, size) in enumerate(zip(kept, centers, sizes, strict=True)):
        column = out[:, place]
        np.subtract(x[:, j], center, out=column)
        if size != 1.0:
            column /= size
    return out


def _independent(designs: Parts[Design], k: int, draft: _Draft, *, implied: bool) -> Independent:
    """Columns of a predictor that vary and are no linear combination of earlier ones.

    Of those that vary, the others are lost; they are all columns by their places in the predictor.
    """
    varying = [j for j, size in enumerate(draft.sizes) if size > 0]
    if len(varying) < 2:
        return Independent(varying, [], np.zeros((len(varying), 0)))
    common = {"kept": varying, "centers": draft.centers, "sizes": draft.sizes, "implied": implied}
    kept, lost, weights = independent(designs, _fixed_matrix, k=k, **common)
    return Independent([varying[i] for i in kept], [varying[i] for i in lost], weights)


def _fixed_matrix(
    design: Design, k: int, kept: list[int], centers: Floats, sizes: Floats, *, implied: bool
) -> Floats:
    x = design.fixed[k]
    if implied:
        x = np.column_stack([np.ones(len(x)), x])
    return _standardized(x, kept, centers[kept], sizes[kept])


def _inverse(to_user: Floats, kept: list[int]) -> Floats:
    """Inverse over the columns that were kept; exact, as it is triangular up to its order."""
    from_user = np.zeros((len(kept), len(to_user)))
    from_user[:, kept] = np.linalg.inv(to_user[np.ix_(kept, kept)])
    return from_user


def _terms(factor: Factor) -> Iterator[tuple[range, Covariance]]:
    """Columns of each term, and its covariance."""
    start = 0
    for part in factor.covariance.blocks:
        yield range(start, start + part.size), part
        start += part.size


def _basis(factor: Factor, found: Columns) -> Floats:
    basis = np.eye(factor.n_columns)
    if factor.is_one_hot:
        return basis / (float(found.size[0]) or 1.0)
    for inside, covariance in _terms(factor):
        if not covariance.rescales:
            every = slice(inside.start, inside.stop)
            common = float(np.sqrt(np.mean(np.square(found.size[every])))) or 1.0
            basis[every, every] /= common
            continue
        constants = [c for c in inside if found.is_constant[c]] if covariance.rebases else []
        for c in inside:
            # Only a constant that feeds the same predictor can take up the center.
            own = [j for j in constants if factor.predictors[j] == factor.predictors[c]]
            centered = bool(own) and c != own[0]
            center, size = _location(found, c, centered=centered)
            if size == 0:
                center, size = 0.0, float(found.size[c]) or 1.0
            basis[c, c] = 1.0 / size
            if center:
                basis[own[0], c] = -center / size / found.low[own[0]]
    return basis
