"""Smooth terms are learned: splines are made mixed models."""

from collections.abc import Sequence
from difflib import get_close_matches
from numbers import Integral
from typing import TypeVar

import numpy as np

from skglmm.arrays import Floats
from skglmm.bases.basis import Basis
from skglmm.bases.cubic import CubicRegression, CyclicCubic
from skglmm.bases.mixed import Constraints, mixed, mixed_parts, mixed_surface
from skglmm.bases.p_spline import PSpline
from skglmm.bases.refusals import listed
from skglmm.bases.spline import LearnedSpline, Spline
from skglmm.bases.tensor import TensorProduct, at_points, centered_margin
from skglmm.bases.thin_plate import ThinPlate
from skglmm.exceptions import DesignError

__all__ = ["SPLINES", "learn_basis"]

SPLINES: dict[str, type[LearnedSpline]] = {
    "tp": ThinPlate,  # type: ignore[type-abstract]  # it learns what is not
    "cr": CubicRegression,
    "cc": CyclicCubic,
    "ps": PSpline,
}
KINDS = ("s", "te", "ti", "t2")
T = TypeVar("T")
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
    bs: str | Sequence[str] | None = None,
    k: int | Sequence[int] | None = None,
    *,
    columns: Sequence[str] = (),
    centered: bool = True,
    orthogonal: bool = False,
) -> Basis:
    """Learn the basis of a smooth term from rows.

    Parameters
    ----------
    x : ndarray, shape (n, d)
    kind : {"s", "te", "ti", "t2"}, default="s"
        A spline of all variables; or products of splines of each: with a standard deviation along
        each of two variables (te), without what these do alone (ti), or with parts (t2), which
        have one each.
    bs : str or sequence of str, length d, default=None
        "tp" (thin plate, the default of s), "cr" (cubic, that of products), "cc" (cyclic cubic)
        or "ps" (P-spline); of each margin of a product.
    k : int or sequence of int, length d, default=None
        Number of columns with the constant: 10 for one variable, 30 for two; of each margin of a
        product, 5.
    columns : sequence of str, length d, default=()
        Names of the variables, for errors and for the standard deviations along them.
    centered : bool, default=True
        Whether trends and bends have the mean zero over the rows. If not, 1 is one of the trends.
        It is the margins that ti centers, always. That of t2 changes nothing of a restricted
        likelihood, but mgcv and gamm4 do not center its bends: with their intercept among the
        trends, the maximum likelihood is theirs.
    orthogonal : bool, default=False
        Whether bends are orthogonal to the trends and to 1 over the rows, as are those of the
        curves of levels ("fs") of mgcv, all of whose columns are random effects.

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
    if kind not in KINDS:
        msg = f"unknown kind of smooth {kind!r}; there are {', '.join(KINDS)}"
        raise DesignError(msg)
    _check_values(x, columns)
    rules = Constraints(centered and kind != "ti", orthogonal)
    if kind == "s":
        spline = _spline(x, _alone(bs, "bs") or "tp", _alone(k, "k"), columns)
        return mixed(spline, x, rules)
    margins = _margins(x, kind, bs, k, columns)
    if kind == "t2":
        return mixed_parts(margins, x, rules)
    factors: list[Spline] = []
    for margin, values in zip(margins, x.T, strict=True):
        factor: Spline = centered_margin(margin, values) if kind == "ti" else margin
        factors.append(factor if margin.values_at_knots else at_points(factor, values))
    return mixed_surface(TensorProduct(tuple(factors)), x, columns, rules)


def _alone(value: T | Sequence[T] | None, name: str) -> T | None:
    """Return an option of a spline that has one."""
    if value is None or isinstance(value, str) or not isinstance(value, Sequence):
        return value
    msg = f"{name}={value!r} is for the margins of te, ti and t2; s(...) takes one value"
    raise DesignError(msg)


def _of_each(value: T | Sequence[T] | None, name: str, default: T, d: int) -> list[T]:
    """Return an option of each of d margins."""
    if value is None:
        return [default] * d
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * d
    if len(value) != d:
        msg = f"{name}={value!r} has {len(value)} values, for {d} margins; give one, or {d}"
        raise DesignError(msg)
    return list(value)


def _margins(
    x: Floats,
    kind: str,
    bs: str | Sequence[str] | None,
    k: int | Sequence[int] | None,
    columns: Sequence[str],
) -> list[LearnedSpline]:
    d = len(columns)
    if d < 2:
        msg = f"{kind} is of several variables; write s({columns[0]}, bs='cr') for one"
        raise DesignError(msg)
    if d > 2 and kind != "t2":
        msg = (
            f"{kind} is of two variables, not {d}: {listed(columns)}; t2 is a smooth of more, "
            "with a variance for each of its parts"
        )
        raise DesignError(msg)
    kinds, sizes = _of_each(bs, "bs", "cr", d), _of_each(k, "k", 5, d)
    return [_spline(x[:, [i]], kinds[i], sizes[i], [columns[i]]) for i in range(d)]


def _spline(x: Floats, bs: str, k: int | None, columns: Sequence[str]) -> LearnedSpline:
    kind, d = _kind(bs), x.shape[1]
    if d not in kind.n_variables:
        most = " or ".join(map(str, kind.n_variables))
        msg = f"bs='{bs}' takes {most} variables, not {d}: {listed(columns)}"
        msg = msg.replace("1 variables", "one variable")
        msg += "; write bs='tp', or te(...) for variables of different units" if d == 2 else ""
        msg += "; write t2(...), which takes more" if d > 2 else ""
        raise DesignError(msg)
    size = kind.default_size(d) if k is None else k
    if not isinstance(size, Integral):
        msg = f"k is a number of columns, a whole one; got k={size!r} for {listed(columns)}"
        raise DesignError(msg)
    _check_size(x, bs, size, kind.least_size(d), columns)
    return kind.learn(x, int(size), columns)


def _kind(bs: str) -> type[LearnedSpline]:
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
