"""Smooth terms are learned: splines are made mixed models."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from scipy.linalg import eigh

from skglmm.arrays import Floats, slices
from skglmm.bases.basis import ROWS, Basis, powers_of
from skglmm.bases.cubic import CubicRegression, CyclicCubic
from skglmm.bases.p_spline import PSpline
from skglmm.bases.refusals import listed
from skglmm.bases.spline import Spline
from skglmm.bases.thin_plate import ThinPlate
from skglmm.covariance import HomogeneousDiagonal
from skglmm.exceptions import DesignError

__all__ = ["SPLINES", "learn_basis"]

SPLINES: dict[str, type[Spline]] = {
    "tp": ThinPlate,  # type: ignore[type-abstract]  # it learns what is not
    "cr": CubicRegression,
    "cc": CyclicCubic,
    "ps": PSpline,
}
KINDS = ("s",)
ABSENT = {  # what mgcv has beside them
    "ad": "adaptive smooths",
    "bs": "B-splines",
    "cp": "cyclic P-splines",
    "cs": "shrunken cubic splines",
    "ds": "Duchon splines",
    "fs": "a curve for each level",
    "gp": "Gaussian processes",
    "mrf": "Markov random fields",
    "re": "random effects",
    "so": "soap films",
    "sos": "splines on the sphere",
    "sz": "deviations of levels from a common curve",
    "ts": "shrunken thin plate splines",
}


def learn_basis(
    x: Floats,
    kind: str = "s",
    bs: str | None = None,
    k: int | None = None,
    *,
    columns: Sequence[str] = (),
    centered: bool = True,
) -> Basis:
    """Learn the basis of a smooth term from rows.

    Parameters
    ----------
    x : ndarray, shape (n, d)
    kind : {"s"}, default="s"
    bs : {"tp", "cr", "cc", "ps"}, default=None
        Thin plate (the default), cubic, cyclic cubic or P-spline.
    k : int, default=None
        Number of columns with the constant; 10 for one variable, 30 for two.
    columns : sequence of str, length d, default=()
        Names of the variables, for errors.
    centered : bool, default=True
        Whether the curve has the mean zero over the rows. If not, 1 is one of the trends.

    Returns
    -------
    Basis

    Raises
    ------
    DesignError
        If there is no such basis, or the rows do not support it: `k` is larger than the number of
        distinct values, or these are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from skglmm.bases import learn_basis
    >>> x = np.linspace(0.0, 1.0, 40)[:, None]
    >>> basis = learn_basis(x, bs="cr", k=5)
    >>> basis.trend_names(["x"]), basis.covariances
    (('x',), (HomogeneousDiagonal(size=3),))
    """
    x = np.asarray(x, dtype=np.float64)
    columns = tuple(columns) or tuple(f"x{i}" for i in range(x.shape[1]))
    _check_values(x, columns)
    if kind not in KINDS:
        msg = f"unknown kind of smooth {kind!r}; there are {', '.join(KINDS)}"
        raise DesignError(msg)
    return _mixed(_learned(x, "tp" if bs is None else bs, k, columns), x, centered)


def _learned(x: Floats, bs: str, k: int | None, columns: Sequence[str]) -> Spline:
    kind, d = _kind(bs), x.shape[1]
    if d not in kind.n_variables:
        most = " or ".join(map(str, kind.n_variables))
        msg = f"bs='{bs}' takes {most} variable(s), not {d}: {listed(columns)}"
        if d == 2:
            msg += "; write bs='tp', or te(...) for variables of different units"
        raise DesignError(msg)
    size = kind.default_size(d) if k is None else k
    _check_size(x, bs, size, kind.least_size(d), columns)
    return kind.learn(x, size, columns)


def _kind(bs: str) -> type[Spline]:
    if bs in SPLINES:
        return SPLINES[bs]
    known = ", ".join(f"'{name}' ({kind.title})" for name, kind in SPLINES.items())
    close = get_close_matches(str(bs).lower(), SPLINES, n=1)
    msg = f"unknown basis bs={bs!r}. "
    if bs in ABSENT:
        msg = f"bs='{bs}', mgcv's {ABSENT[bs]}, is not among the bases. "
    elif close:
        msg += f"Do you mean '{close[0]}'? "
    msg += f"There are {known}"
    raise DesignError(msg)


def _check_values(x: Floats, columns: Sequence[str]) -> None:
    for values, name in zip(x.T, columns, strict=True):
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            msg = (
                f"a smooth needs finite numbers; '{name}' is {values[bad[0]]} in row {bad[0]}"
                f" and not finite in {len(bad)} of {len(values)} rows"
            )
            raise DesignError(msg)
        if values.min() == values.max():
            msg = f"'{name}' is {values[0]:g} in all rows: leave it out of the smooth"
            raise DesignError(msg)


def _check_size(x: Floats, bs: str, size: int, least: int, columns: Sequence[str]) -> None:
    if size < least:
        msg = f"k={size} of the smooth of {listed(columns)} is too small; bs='{bs}' needs {least}"
        raise DesignError(msg)
    distinct = len(np.unique(x, axis=0) if x.shape[1] > 1 else np.unique(x))
    if size > distinct:
        things = "distinct values" if len(columns) == 1 else "distinct points"
        remedy = f"write k={distinct} or less" if distinct >= least else "leave out the smooth"
        if distinct < least and len(columns) == 1:
            remedy = f"write {columns[0]} without a smooth, or C({columns[0]})"
        msg = f"k={size} is more than the {distinct} {things} of {listed(columns)}; {remedy}"
        raise DesignError(msg)


def _mixed(spline: Spline, x: Floats, centered: bool) -> Basis:
    """Return a spline with one penalty as a mixed model."""
    gram, sums = _moments(spline, x)
    held, powers = spline.kernel, spline.powers
    if centered:
        level = held[:, :1] / (sums @ held[:, :1])
        held = np.column_stack([sums, held[:, 1:] - level * (sums @ held[:, 1:])])
        powers = powers[1:]
    center = x.mean(axis=0)
    trends = powers_of(x - center, powers)
    means = trends.mean(axis=0) if centered else np.zeros(len(powers))
    weights = _whitened(_complement(held), spline.penalties[0])
    spread = float(np.sum(weights * (gram @ weights)) / len(x))
    return Basis(
        spline,
        powers,
        center,
        means,
        weights / np.sqrt(spread),
        (HomogeneousDiagonal(weights.shape[1]),),
        (spread,),
    )


def _moments(spline: Spline, x: Floats) -> tuple[Floats, Floats]:
    """Return the cross-products, (k, k), and the sums, (k,), of the columns."""
    gram, sums = np.zeros(()), np.zeros(())
    for rows in slices(len(x), ROWS):
        part = spline.columns(x[rows])
        gram, sums = gram + part.T @ part, sums + part.sum(axis=0)
    return gram, sums


def _complement(held: Floats) -> Floats:
    """Return an orthonormal basis of what is orthogonal to columns."""
    scaled = held / np.linalg.norm(held, axis=0)
    return np.asarray(np.linalg.qr(scaled, mode="complete")[0][:, held.shape[1] :])


def _whitened(basis: Floats, penalty: Floats) -> Floats:
    """Return combinations of columns whose penalty is the identity, the smoothest first."""
    values, vectors = eigh(basis.T @ penalty @ basis)
    return np.asarray(basis @ (vectors / np.sqrt(values)))
