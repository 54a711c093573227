"""Centered and scaled designs to fit on, and the way back to the user's units."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, Factor, Layout
from skglmm.exceptions import DesignError
from skglmm.fitting._summaries import Columns, independent, summaries
from skglmm.parts import Here, Parts

__all__ = ["Scales", "Standardization", "learn_scales", "standardize"]

T = TypeVar("T")

CONSTANT_TOL = 1e-12  # a spread of this fraction of the mean has no four digits left


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
        coefficients are linear predictors, for which a ceiling holds.
    to_user : tuple of ndarray, each of shape (p_k, p_k kept)
        ``beta in user's units = to_user @ beta``.
    from_user : tuple of ndarray, each of shape (p_k kept, p_k)
        The way back, with aliased coefficients at zero.
    bases : tuple of ndarray, each of shape (k, k)
        ``b in user's units = basis @ b``, for each factor.
    """

    aliased: tuple[tuple[int, ...], ...]
    centers: tuple[Floats, ...]
    sizes: tuple[Floats, ...]
    constant: tuple[Bools, ...]
    to_user: tuple[Floats, ...]
    from_user: tuple[Floats, ...]
    bases: tuple[Floats, ...]

    def apply(self, design: Design) -> Design:
        """Return the design with standardized columns."""
        fixed = [
            _standardized(x, kept, center, size)
            for x, kept, center, size in zip(
                design.fixed, self._kept(design), self.centers, self.sizes, strict=True
            )
        ]
        columns = [
            z if np.array_equal(m, np.eye(len(m))) else np.asfortranarray(z @ m)
            for z, m in zip(design.columns, self.bases, strict=True)
        ]
        return replace(design, fixed=tuple(fixed), columns=tuple(columns))

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
            to_user=_put(self.to_user, k, self.to_user[k] @ turn),
            from_user=_put(self.from_user, k, np.linalg.inv(turn) @ self.from_user[k]),
        )

    def _kept(self, design: Design) -> Iterator[list[int]]:
        for x, aliased in zip(design.fixed, self.aliased, strict=True):
            yield [j for j in range(x.shape[1]) if j not in aliased]


def _put(parts: tuple[T, ...], k: int, part: T) -> tuple[T, ...]:
    return (*parts[:k], part, *parts[k + 1 :])


@dataclass(frozen=True)
class Standardization:
    """A design whose columns are centered and scaled, with the maps back.

    Parameters
    ----------
    design : Design
        Standardized; without the columns that are linear combinations of earlier ones.
    scales : Scales
        The maps.
    """

    design: Design
    scales: Scales

    def exchanged(self, k: int, j: int, turn: Floats) -> "Standardization":
        """Return the design for which coefficient j is the predictor of a row; see `Scales`."""
        fixed = _put(self.design.fixed, k, np.asfortranarray(self.design.fixed[k] @ turn))
        return Standardization(replace(self.design, fixed=fixed), self.scales.exchanged(k, j, turn))

    @property
    def aliased(self) -> tuple[tuple[int, ...], ...]:
        """Columns left out of each predictor."""
        return self.scales.aliased

    @property
    def to_user(self) -> tuple[Floats, ...]:
        """Maps of standardized coefficients to those of the user's units, for each predictor."""
        return self.scales.to_user

    @property
    def from_user(self) -> tuple[Floats, ...]:
        """The way back, with aliased coefficients at zero."""
        return self.scales.from_user


def standardize(design: Design, weights: Floats | None) -> Standardization:
    """Center and scale the columns of a design; see `learn_scales`."""
    scales = learn_scales(design.layout, Here([design]), Here([weights]))
    return Standardization(scales.apply(design), scales)


def learn_scales(layout: Layout, designs: Parts[Design], weights: Parts[Floats | None]) -> Scales:
    """Learn how to center and scale the columns of the designs of some rows each.

    Fixed columns are centered where the predictor has an intercept; columns of random
    effects where the term has one and its covariance is closed under a change of basis.
    """
    found, n_predictors = summaries(designs, weights), len(layout.predictors)
    drafts = [_Draft.of(columns) for columns in found[:n_predictors]]
    kept = [_kept(designs, k, draft) for k, draft in enumerate(drafts)]
    scales = Scales(
        aliased=tuple(
            tuple(j for j in range(len(draft.sizes)) if j not in places)
            for draft, places in zip(drafts, kept, strict=True)
        ),
        centers=tuple(d.centers[places] for d, places in zip(drafts, kept, strict=True)),
        sizes=tuple(d.sizes[places] for d, places in zip(drafts, kept, strict=True)),
        constant=tuple(d.constant[places] for d, places in zip(drafts, kept, strict=True)),
        to_user=tuple(d.to_user[:, places] for d, places in zip(drafts, kept, strict=True)),
        from_user=tuple(
            _inverse(d.to_user, places) for d, places in zip(drafts, kept, strict=True)
        ),
        bases=tuple(
            _basis(factor, columns)
            for factor, columns in zip(layout.factors, found[n_predictors:], strict=True)
        ),
    )
    for f, factor in enumerate(layout.factors):
        _check_effects(factor, f, designs, scales.bases[f])
    return scales


@dataclass(frozen=True)
class _Draft:
    """Centers and sizes of the columns of one predictor; those of size 0 do not vary."""

    centers: Floats
    sizes: Floats
    constant: Bools
    to_user: Floats

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
        return cls(centers, sizes, columns.is_constant & (columns.low > 0.0), to_user)


def _location(columns: Columns, j: int, *, centered: bool) -> tuple[float, float]:
    """Center and spread of a column; a spread of 0 means that it does not vary."""
    center = float(columns.mean[j]) if centered else 0.0
    size = float(columns.spread[j] if centered else columns.size[j])
    varies = size > CONSTANT_TOL * float(columns.size[j])
    return center, size if varies else 0.0


def _standardized(x: Floats, kept: list[int], centers: Floats, sizes: Floats) -> Floats:
    if len(kept) == x.shape[1] and np.all(centers == 0.0) and np.all(sizes == 1.0):
        return x
    return np.asfortranarray((x[:, kept] - centers) / sizes)


def _kept(designs: Parts[Design], k: int, draft: _Draft) -> list[int]:
    """Columns of a predictor that vary and are no linear combination of earlier ones."""
    varying = [j for j, size in enumerate(draft.sizes) if size > 0]
    if len(varying) < 2:
        return varying
    common = {"kept": varying, "centers": draft.centers, "sizes": draft.sizes}
    return [varying[place] for place in independent(designs, _fixed_matrix, k=k, **common)]


def _fixed_matrix(
    design: Design, k: int, kept: list[int], centers: Floats, sizes: Floats
) -> Floats:
    return _standardized(design.fixed[k], kept, centers[kept], sizes[kept])


def _inverse(to_user: Floats, kept: list[int]) -> Floats:
    """Inverse over the columns that were kept; exact, as it is triangular up to its order."""
    from_user = np.zeros((len(kept), len(to_user)))
    from_user[:, kept] = np.linalg.inv(to_user[np.ix_(kept, kept)])
    return from_user


def _terms(factor: Factor) -> Iterator[tuple[slice, bool]]:
    """Columns of each term and whether its covariance allows a change of basis."""
    start = 0
    for part in factor.covariance.blocks:
        yield slice(start, start + part.size), part.mixes
        start += part.size


def _basis(factor: Factor, found: Columns) -> Floats:
    basis = np.eye(factor.n_columns)
    for columns, mixes in _terms(factor):
        inside = range(columns.start, columns.stop)
        constants = [c for c in inside if found.is_constant[c]] if mixes else []
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


def _effect_matrix(design: Design, f: int, basis: Floats, inside: list[int]) -> Floats:
    return np.asarray((design.columns[f] @ basis)[:, inside])


def _check_effects(factor: Factor, f: int, designs: Parts[Design], basis: Floats) -> None:
    """Refuse effects whose variances no data can tell apart."""
    for k in set(factor.predictors):
        inside = [c for c, fed in enumerate(factor.predictors) if fed == k]
        kept = independent(designs, _effect_matrix, f=f, basis=basis, inside=inside)
        lost = [factor.columns[c] for place, c in enumerate(inside) if place not in kept]
        if lost:
            msg = (
                f"the random effects of {factor.name} hold columns that are 0 in all rows, "
                "constant beside an intercept, or linear combinations of others: "
                f"{', '.join(lost)}; their variances cannot be estimated, so leave these out"
            )
            raise DesignError(msg)
