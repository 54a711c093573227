"""Centered and scaled designs to fit on, and the way back to the user's units."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design, Factor
from skglmm.exceptions import DesignError

__all__ = ["Standardization", "standardize"]

CONSTANT_TOL = 1e-12  # a spread of this fraction of the mean has no four digits left
ALIAS_TOL = 1e-7  # R's tolerance: a column whose residual norm is this fraction is redundant


@dataclass(frozen=True)
class Standardization:
    """A design whose columns are centered and scaled, with the maps back.

    Parameters
    ----------
    design : Design
        Standardized; without the columns that are linear combinations of earlier ones.
    aliased : tuple of tuple of int
        Columns left out of each predictor.
    to_user : tuple of ndarray, each of shape (p_k, p_k kept)
        ``beta in user's units = to_user @ beta``.
    from_user : tuple of ndarray, each of shape (p_k kept, p_k)
        The way back, with aliased coefficients at zero.
    bases : tuple of ndarray, each of shape (k, k)
        ``b in user's units = basis @ b``, for each factor.
    """

    design: Design
    aliased: tuple[tuple[int, ...], ...]
    to_user: tuple[Floats, ...]
    from_user: tuple[Floats, ...]
    bases: tuple[Floats, ...]


def standardize(design: Design, weights: Floats | None) -> Standardization:
    """Center and scale the columns of a design.

    Fixed columns are centered where the predictor has an intercept; columns of random
    effects where the term has one and its covariance is closed under a change of basis.
    """
    fixed = [_standardize_fixed(x, weights) for x in design.fixed]
    bases = [
        _basis(factor, z, weights)
        for factor, z in zip(design.layout.factors, design.columns, strict=True)
    ]
    columns = tuple(
        z if np.array_equal(m, np.eye(len(m))) else np.asfortranarray(z @ m)
        for z, m in zip(design.columns, bases, strict=True)
    )
    for factor, z in zip(design.layout.factors, columns, strict=True):
        _check_effects(factor, z)
    standard = replace(design, fixed=tuple(x for x, _, _ in fixed), columns=columns)
    return Standardization(
        standard,
        aliased=tuple(a for _, a, _ in fixed),
        to_user=tuple(m for _, _, m in fixed),
        from_user=tuple(_inverse(m, a) for _, a, m in fixed),
        bases=tuple(bases),
    )


def _inverse(to_user: Floats, aliased: tuple[int, ...]) -> Floats:
    """Inverse over the columns that were kept; exact, as it is triangular up to its order."""
    kept = [j for j in range(len(to_user)) if j not in aliased]
    from_user = np.zeros(to_user.shape[::-1])
    from_user[:, kept] = np.linalg.inv(to_user[kept])
    return from_user


def _is_constant(column: Floats) -> bool:
    return bool(column[0] != 0 and np.all(column == column[0]))


def _spread(column: Floats, weights: Floats | None) -> float:
    """Root mean square, safe from overflow and underflow of the squares."""
    largest = float(np.max(np.abs(column), initial=0.0))
    if largest == 0:
        return 0.0
    return largest * float(np.sqrt(np.average((column / largest) ** 2, weights=weights)))


def _location(column: Floats, weights: Floats | None, *, centered: bool) -> tuple[float, float]:
    """Center and spread of a column; a spread of 0 means that it does not vary."""
    center = float(np.average(column, weights=weights)) if centered else 0.0
    size = _spread(column - center, weights)
    varies = size > CONSTANT_TOL * _spread(column, weights)
    return center, size if varies else 0.0


def _standardize_fixed(x: Floats, weights: Floats | None) -> tuple[Floats, tuple[int, ...], Floats]:
    n_columns = x.shape[1]
    constants = [j for j in range(n_columns) if _is_constant(x[:, j])]
    if n_columns == 0 or (n_columns == 1 and constants and x[0, 0] == 1.0):
        return x, (), np.eye(n_columns)
    to_user = np.eye(n_columns)
    standard = np.zeros_like(x, order="F")
    for j in range(n_columns):
        centered = bool(constants) and j not in constants
        center, size = _location(x[:, j], weights, centered=centered)
        if size == 0:
            continue
        standard[:, j] = (x[:, j] - center) / size
        to_user[j, j] = 1.0 / size
        if centered:
            to_user[constants[0], j] = -center / size / x[0, constants[0]]
    kept = _independent(standard)
    aliased = tuple(j for j in range(n_columns) if j not in kept)
    return np.asfortranarray(standard[:, kept]), aliased, to_user[:, kept]


def _independent(x: Floats) -> list[int]:
    """Columns that are no linear combination of earlier ones, by Gram-Schmidt."""
    gram = x.T @ x
    try:
        pivots = np.diag(np.linalg.cholesky(gram)) ** 2
        if np.all(pivots > 1e-8 * np.diag(gram)):  # far from collinear: no second look
            return list(range(x.shape[1]))
    except np.linalg.LinAlgError:
        pass
    kept: list[int] = []
    basis: list[Floats] = []
    for j, column in enumerate(x.T):
        residual = column.copy()
        for _ in range(2):  # twice is enough for orthogonality to rounding
            for direction in basis:
                residual -= (direction @ residual) * direction
        norm = float(np.linalg.norm(residual))
        if norm > ALIAS_TOL * float(np.linalg.norm(column)):
            kept.append(j)
            basis.append(residual / norm)
    return kept


def _terms(factor: Factor) -> Iterator[tuple[slice, bool]]:
    """Columns of each term and whether its covariance allows a change of basis."""
    start = 0
    for part in factor.covariance.blocks:
        yield slice(start, start + part.size), part.mixes
        start += part.size


def _basis(factor: Factor, z: Floats, weights: Floats | None) -> Floats:
    basis = np.eye(factor.n_columns)
    for columns, mixes in _terms(factor):
        inside = range(columns.start, columns.stop)
        constants = [c for c in inside if _is_constant(z[:, c])] if mixes else []
        for c in inside:
            # Only a constant that feeds the same predictor can take up the center.
            own = [j for j in constants if factor.predictors[j] == factor.predictors[c]]
            centered = bool(own) and c != own[0]
            center, size = _location(z[:, c], weights, centered=centered)
            if size == 0:
                center, size = 0.0, _spread(z[:, c], weights) or 1.0
            basis[c, c] = 1.0 / size
            if center:
                basis[own[0], c] = -center / size / z[0, own[0]]
    return basis


def _check_effects(factor: Factor, columns: Floats) -> None:
    """Refuse effects whose variances no data can tell apart; `columns` are standardized."""
    for k in set(factor.predictors):
        inside = [c for c, fed in enumerate(factor.predictors) if fed == k]
        kept = _independent(columns[:, inside])
        lost = [factor.columns[c] for place, c in enumerate(inside) if place not in kept]
        if lost:
            msg = (
                f"the random effects of {factor.name} hold columns that are 0 in all rows, "
                "constant beside an intercept, or linear combinations of others: "
                f"{', '.join(lost)}; their variances cannot be estimated, so leave these out"
            )
            raise DesignError(msg)
