"""Columns of smooth terms, made as formulaic makes those of its own splines."""

from __future__ import annotations

import ast
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from formulaic.materializers.types import FactorValues

from skglmm import bases, covariance
from skglmm.arrays import Floats
from skglmm.exceptions import DesignError
from skglmm.syntax import PENALIZED, SMOOTHS, name_of, read_expression, spelled

__all__ = ["SMOOTH", "LearnedSmooth", "SmoothColumns", "smooth_functions", "smooth_in"]

SMOOTH = "smooth"  # the structure of its effects, and its place among the states of calls
_BY_LEVEL = "fs"
_CONSTANT = "1"  # a trend of curves that are not centered


@dataclass(frozen=True, eq=False)
class LearnedSmooth:
    """What was learned of a smooth term; of the rows it holds the knots alone.

    Parameters
    ----------
    basis : Basis
    covariates : tuple of str
        What it is a function of: ``("x",)``.
    label : str
        ``"s(x)"``.
    ends : ndarray, shape (d, 2)
        The least and the largest value of each covariate.
    by : str, default=""
        What it is multiplied by.
    levels : tuple, default=()
        Of a category `by`, each of which has a curve of its own.
    is_shrunken : bool, default=False
        Whether all of it is random, as curves of the levels of a grouping factor are.
    roots : tuple of ndarray, shape (m + q, m + q)
        Of each curve the upper triangle R of its columns X, of which R'R = X'X.
    """

    basis: bases.Basis
    covariates: tuple[str, ...]
    label: str
    ends: Floats
    by: str = ""
    levels: tuple[Any, ...] = ()
    is_shrunken: bool = False
    roots: tuple[Floats, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each curve."""
        if not self.by:
            return (self.label,)
        if not self.levels:
            return (f"{self.label}:{self.by}",)
        return tuple(f"{self.label}:{self.by}[{level}]" for level in self.levels)

    @property
    def covariances(self) -> tuple[covariance.Covariance, ...]:
        """Covariances of its penalized columns, one after the other."""
        found = self.basis.covariances * len(self.labels)
        return (*found, covariance.Diagonal(len(self._trends))) if self.is_shrunken else found

    @property
    def parts(self) -> tuple[str, ...]:
        """Name of the curve that each penalized column belongs to, or of the column itself."""
        sizes = [each.size for each in self.basis.covariances]
        names = [f"[{name}]" for name in self.basis.bend_names(self.covariates)]
        found = chain.from_iterable(
            [label + (name if len(sizes) > 1 else "")] * size
            for label in self.labels
            for name, size in zip(names, sizes, strict=True)
        )
        return (*found, *(self._shrunken_trends if self.is_shrunken else ()))

    @property
    def _shrunken_trends(self) -> list[str]:
        """Names of the trends of curves of levels: ``"s(x)[level]"``, ``"s(x)[x]"``."""
        names = ("level" if name == _CONSTANT else name for name in self._trends)
        return [f"{self.label}[{name}]" for name in names]

    @property
    def _trends(self) -> tuple[str, ...]:
        return self.basis.trend_names(self.covariates)

    def trend_names(self, label: str) -> list[str]:
        """Names of the columns without a penalty of one curve."""
        names = self._trends
        if len(names) == 1:
            return [label]
        return [label if name == _CONSTANT else f"{label}[{name}]" for name in names]

    def trends(self, x: Floats, by: Any) -> dict[str, Floats]:
        """Return the columns without a penalty, by name."""
        return self._columns(self.basis.trends(x), by, self.trend_names)

    def bends(self, x: Floats, by: Any) -> dict[str, Floats]:
        """Return the penalized columns, by name."""
        z, trends = self.basis.bends(x), self.is_shrunken
        if trends:
            z = np.column_stack([z, self.basis.trends(x)])

        def named(label: str) -> list[str]:
            bends = [f"{label}.{j + 1}" for j in range(self.basis.weights.shape[1])]
            return [*bends, *(self._shrunken_trends if trends else ())]

        return self._columns(z, by, named)

    def with_roots(self, x: Floats, by: Any) -> LearnedSmooth:
        """Return the smooth with the triangles of its curves in some rows."""
        columns = np.column_stack([self.basis.trends(x), self.basis.bends(x)])
        shares = self._shares(by) if self.by else [np.ones(len(x))]
        made = (share[:, None] * columns for share in shares)
        return replace(self, roots=tuple(np.asarray(np.linalg.qr(x, mode="r")) for x in made))

    def _columns(self, made: Floats, by: Any, named: Any) -> dict[str, Floats]:
        shares = [1.0] if not self.by else self._shares(by)
        return {
            name: column * share
            for label, share in zip(self.labels, shares, strict=True)
            for name, column in zip(named(label), made.T, strict=True)
        }

    def _shares(self, by: Any) -> list[Floats]:
        """What the columns of each curve are multiplied by."""
        if not self.levels:
            return [np.asarray(by, dtype=np.float64)]
        values = np.asarray(getattr(by, "__wrapped__", by), dtype=object)
        return [(values == level).astype(np.float64) for level in self.levels]


class SmoothColumns:
    """A function of formulas that learns a smooth, and makes one kind of its columns.

    Parameters
    ----------
    kind : str
        "s", "te", "ti" or "t2".
    is_penalized : bool
        Whether it makes the columns with a penalty.
    """

    __is_stateful_transform__ = True

    def __init__(self, kind: str, *, is_penalized: bool) -> None:
        self.kind, self.is_penalized = kind, is_penalized

    def __call__(  # noqa: D102 -- as the class says
        self,
        *covariates: Any,
        by: Any = None,
        k: Any = None,
        bs: Any = None,
        _states: MutableMapping[str, Any],
        _text: str,
    ) -> FactorValues[dict[str, Floats]]:
        x = np.column_stack([_numbers(each, _text) for each in covariates])
        state = _states.setdefault(_text, {})
        if SMOOTH not in state:
            twin = _states.get(_twin(_text), {})
            state[SMOOTH] = twin.get(SMOOTH) or self._learned(x, by, k, bs, _text)
        learned: LearnedSmooth = state[SMOOTH]
        made = learned.bends(x, by) if self.is_penalized else learned.trends(x, by)
        return FactorValues(made, kind="numerical", format="{field}", column_names=tuple(made))

    def _learned(self, x: Floats, by: Any, k: Any, bs: Any, text: str) -> LearnedSmooth:
        call = read_expression(text)[0].body
        assert isinstance(call, ast.Call)
        levels = _levels(by)
        is_shrunken = bs == _BY_LEVEL
        names = tuple(map(_name, call.args))
        by_name = next((spelled(word.value) for word in call.keywords if word.arg == "by"), "")
        label = f"{self.kind}({', '.join(map(spelled, call.args))})"
        given = {} if bs is None or is_shrunken else {"bs": _tuple(bs)}
        is_centered = not is_shrunken and (by is None or bool(levels))
        try:
            basis = bases.learn_basis(
                x,
                self.kind,
                k=_tuple(k),
                columns=names,
                centered=is_centered,
                orthogonal=is_shrunken,
                **given,
            )
        except DesignError as error:
            msg = f"{text.removeprefix(PENALIZED)}: {error}"
            raise DesignError(msg) from None
        ends = np.stack([x.min(axis=0), x.max(axis=0)], axis=1)
        learned = LearnedSmooth(basis, names, label, ends, by_name, levels, is_shrunken)
        return learned if is_shrunken else learned.with_roots(x, by)


def smooth_functions() -> dict[str, SmoothColumns]:
    """Return what formulas call to make the columns of smooths."""
    return {
        prefix + kind: SmoothColumns(kind, is_penalized=bool(prefix))
        for kind in SMOOTHS
        for prefix in ("", PENALIZED)
    }


def smooth_in(states: Mapping[str, Any], effects: str) -> LearnedSmooth:
    """Return the smooth whose penalized columns are some effects, from what calls have learned."""
    learned: LearnedSmooth = states[effects.removeprefix("0 + ")][SMOOTH]
    return learned


def _name(argument: ast.expr) -> str:
    """Return the name of a column, or the text of an expression."""
    return name_of(argument.id) if isinstance(argument, ast.Name) else spelled(argument)


def _twin(text: str) -> str:
    """Return the call that makes the other columns of a smooth."""
    return text.removeprefix(PENALIZED) if text.startswith(PENALIZED) else PENALIZED + text


def _numbers(values: Any, text: str) -> Floats:
    values = getattr(values, "__wrapped__", values)
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        msg = (
            f"{text.removeprefix(PENALIZED)}: a smooth is a function of numbers, and this "
            "column is a category; a curve for each of its levels is s(x, by=f), an effect of "
            "each level (1 | f)"
        )
        raise DesignError(msg)
    return np.asarray(values, dtype=np.float64)


def _levels(by: Any) -> tuple[Any, ...]:
    """Return the levels of a category, none of numbers."""
    values = getattr(by, "__wrapped__", by)
    if not isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        return ()
    return tuple(pd.Categorical(values).categories)


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
