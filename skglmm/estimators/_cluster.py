"""A fit whose rows stay on the workers of a dask cluster: only sums and labels come here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm.arrays import Floats, Ints
from skglmm.design import Design, DesignSpec, label_columns, learn
from skglmm.distributed import Remote, connected, is_dask
from skglmm.estimators._frames import fit_frame
from skglmm.estimators._model import Model, read_model
from skglmm.estimators._response import Scale, masses_in
from skglmm.estimators._validation import check_weights, check_y
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.fitting import Bound, Digest, digest, learn_scales
from skglmm.laplace import Shard, arrange, assemble, bind_part, is_nested

__all__ = ["ClusterRows", "cluster_rows"]

Context = Mapping[str, Callable[..., Any]] | None
Arranged = tuple[tuple[int, ...], int]


class _Rows(NamedTuple):
    """Some rows of positive weight, vetted."""

    frame: pd.DataFrame
    y: Floats
    weights: Floats | None


@dataclass(frozen=True)
class ClusterRows:
    """What a fit needs to know of rows that stay where they are.

    Parameters
    ----------
    model : Model
    spec : DesignSpec
    scale : Scale
    present : set of float
        Masses of the family that occur.
    bound : Bound
    constants : ndarray, shape (K,)
        Constant linear predictors that suit the responses.
    """

    model: Model
    spec: DesignSpec
    scale: Scale
    present: set[float]
    bound: Bound
    constants: Floats


def cluster_rows(estimator: Any, X: Any, y: Any, sample_weight: Any, family: Family) -> ClusterRows:
    """Learn labels, scales and shards from dask rows.

    Parameters
    ----------
    estimator : BaseGLMMRegressor
        Its parameters; `n_features_in_` and `feature_names_in_` are set.
    X : dask DataFrame
    y : dask Series
    sample_weight : dask Series or None
    family : Family

    Raises
    ------
    ValueError
        When there is no cluster, when X, y and the weights have different partitions, or as
        `fit` of rows in memory.
    """
    client = connected()
    _check_partitions(X, y, sample_weight)
    meta = fit_frame(estimator, X._meta_nonempty)
    model = read_model(estimator, family.predictors[1:], meta, y.name)
    names = [n for n in meta.columns if n in model.columns or n == estimator.offset]
    rows = _read(client, X[names], y, sample_weight)
    spec = _learn(rows, meta[names], model, estimator)
    arranged = _arranged(rows, spec)
    rows = _regrouped(rows, spec, arranged)
    return _bound(rows, spec, arranged, estimator, family, model)


def _check_partitions(X: Any, y: Any, weights: Any) -> None:
    for name, data in (("y", y), ("sample_weight", weights)):
        if data is None and name == "sample_weight":
            continue
        if not is_dask(data) or not hasattr(data, "to_delayed") or getattr(data, "ndim", 0) != 1:
            msg = (
                f"X is a dask DataFrame, so {name} must be a dask Series with the same partitions, "
                f"not {type(data).__name__}; take it from a column: {name} = X.pop(...)"
            )
            raise TypeError(msg)
        if data.npartitions != X.npartitions:
            msg = (
                f"X has {X.npartitions} partitions and {name} has {data.npartitions}; take it from "
                f"a column of the same frame: {name} = X.pop(...)"
            )
            raise ValueError(msg)


# --- rows -----------------------------------------------------------------------------------------


def _read(client: Any, X: Any, y: Any, weights: Any) -> Remote[_Rows]:
    from dask.delayed import delayed  # noqa: PLC0415  # an extra

    columns = [X.to_delayed(), y.to_delayed()]
    columns.append([None] * X.npartitions if weights is None else weights.to_delayed())
    vetted = delayed(_vetted, pure=False)
    rows = Remote.of(client, [vetted(*part) for part in zip(*columns, strict=True)])
    return _some_rows(rows)


def _vetted(frame: pd.DataFrame, y: Any, weights: Any) -> _Rows:
    if not len(frame) == len(y) == len(y if weights is None else weights):
        msg = f"a partition of X has {len(frame)} rows and that of y has {len(y)}"
        raise ValueError(msg)
    if not len(frame):
        return _Rows(frame, np.zeros(0), None if weights is None else np.zeros(0))
    response = check_y(None, y)
    if weights is None:
        return _Rows(frame, response, None)
    mass = np.asarray(weights, dtype=np.float64)
    check_weights(np.append(mass, 1.0), np.append(response, 0.0))  # a part may weigh nothing
    kept = mass > 0
    return _Rows(frame.loc[kept], response[kept], mass[kept])


def _some_rows(rows: Remote[_Rows]) -> Remote[_Rows]:
    """Drop parts without rows."""
    sizes = list(rows.map(_size))
    if not any(sizes):
        msg = "X has 0 rows of positive weight; a fit needs some"
        raise ValueError(msg)
    return rows.some([place for place, size in enumerate(sizes) if size])


def _size(rows: _Rows) -> int:
    return len(rows.y)


# --- labels ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Census:
    """The distinct labels of some columns, or combinations of columns."""

    tables: tuple[pd.DataFrame, ...]

    def __add__(self, other: "_Census") -> "_Census":
        pairs = zip(self.tables, other.tables, strict=True)
        return _Census(
            tuple(pd.concat(pair, ignore_index=True).drop_duplicates() for pair in pairs)
        )


def _learn(rows: Remote[_Rows], meta: pd.DataFrame, model: Model, estimator: Any) -> DesignSpec:
    """Learn codings and levels from the labels that occur."""
    context = estimator.context
    labels = label_columns(meta, model.fixed, model.terms, context=context)
    keys = list(dict.fromkeys([*(bar.group for bar in model.bars), *((name,) for name in labels)]))
    head = next(iter(rows.some([0]).map(_head)))
    tables = [head]
    if keys:
        census = rows.map(_census, keys=keys).total()
        tables += [_filled(head, table) for table in census.tables]
    few = pd.concat(tables, ignore_index=True)
    spec, _ = learn(few, model.fixed, model.terms, offset=estimator.offset, context=context)
    learned = [name for each in spec.specs.values() for name in each.transform_state]
    if learned:
        msg = (
            f"{learned[0]!r} learns from all rows, which is not done on a cluster; put it into a "
            "column of X first, as in X.assign(centered=X.x - X.x.mean())"
        )
        raise DesignError(msg)
    return spec


def _head(rows: _Rows) -> pd.DataFrame:
    return rows.frame.head(1)


def _census(rows: _Rows, keys: Sequence[tuple[str, ...]]) -> _Census:
    # Missing values are found when designs are built, with the rows around them.
    return _Census(tuple(rows.frame[list(key)].dropna().drop_duplicates() for key in keys))


def _filled(head: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the labels of a table, and the other columns of the first row."""
    rows = head.iloc[np.zeros(len(table), dtype=np.intp)].reset_index(drop=True)
    return rows.assign(**{name: table[name].array for name in table.columns})


# --- levels to parts ------------------------------------------------------------------------------


def _arranged(rows: Remote[_Rows], spec: DesignSpec) -> Arranged:
    def nested(f: int, g: int) -> bool:
        found = rows.map(_pairs, spec=spec, f=f, g=g).total()
        return bool(is_nested(*found.pairs, spec.levels[f].n_levels))

    return arrange(spec.layout, nested)


@dataclass(frozen=True)
class _Pairs:
    """The distinct pairs of levels of two factors."""

    pairs: tuple[Ints, Ints]

    def __add__(self, other: "_Pairs") -> "_Pairs":
        both = np.concatenate([self.pairs, other.pairs], axis=1)
        return _Pairs(tuple(np.unique(both, axis=1)))


def _pairs(rows: _Rows, spec: DesignSpec, f: int, g: int) -> _Pairs:
    codes = np.stack([spec.levels[f].codes(rows.frame), spec.levels[g].codes(rows.frame)])
    return _Pairs(tuple(np.unique(codes, axis=1)))


def _regrouped(rows: Remote[_Rows], spec: DesignSpec, arranged: Arranged) -> Remote[_Rows]:
    """Bring all rows of each level of the chain to one part, unless they are there already."""
    order, n_owned = arranged
    if not order or len(rows) == 1:
        return rows
    top = order[n_owned - 1]
    counts, occurrences = rows.map(_counts, spec=spec, f=top).total()
    if occurrences.max() <= 1:
        return rows
    before = np.cumsum(counts) - counts
    owner = before * len(rows) // counts.sum()
    return _some_rows(rows.exchange(_cut, _join, spec=spec, f=top, owner=owner, n_parts=len(rows)))


def _counts(rows: _Rows, spec: DesignSpec, f: int) -> tuple[Ints, Ints]:
    counts = np.bincount(spec.levels[f].codes(rows.frame), minlength=spec.levels[f].n_levels)
    return counts, (counts > 0).astype(np.intp)


def _cut(rows: _Rows, spec: DesignSpec, f: int, owner: Ints, n_parts: int) -> list[_Rows]:
    part = owner[spec.levels[f].codes(rows.frame)]
    places = (np.flatnonzero(part == j) for j in range(n_parts))
    return [
        _Rows(
            rows.frame.iloc[place],
            rows.y[place],
            None if rows.weights is None else rows.weights[place],
        )
        for place in places
    ]


def _join(pieces: Sequence[_Rows]) -> _Rows:
    frames, responses, weights = zip(*pieces, strict=True)
    return _Rows(
        pd.concat(frames, ignore_index=True),
        np.concatenate(responses),
        None if weights[0] is None else np.concatenate(weights),
    )


# --- scales and shards ----------------------------------------------------------------------------


class _Part(NamedTuple):
    """Some rows as the numerical core takes them."""

    design: Design
    unit: Floats
    weights: Floats | None


def _bound(
    rows: Remote[_Rows],
    spec: DesignSpec,
    arranged: Arranged,
    estimator: Any,
    family: Family,
    model: Model,
) -> ClusterRows:
    n_samples = int(rows.map(_size).total())
    low, high = map(float, estimator.bounds)
    draft = Scale(low, high, estimator.boundary, 0, n_samples, family.masses)
    scale = draft.settled(*rows.map(_on_bounds, scale=draft).total())
    is_weighted = bool(rows.map(_is_weighted).total())
    parts = rows.map(_part, spec=spec, scale=scale, context=estimator.context, keep=is_weighted)
    designs, weights = parts.map(_design), parts.map(_weights)
    scales = learn_scales(spec.layout, designs, weights)
    fed = {k for factor in spec.layout.factors for k in factor.predictors}
    constant = [
        k not in fed and not (k == 0 and spec.offset) and bool(np.all(flags))
        for k, flags in enumerate(scales.constant)
    ]
    common = {"family": family, "arranged": arranged, "constant": constant}
    shards = parts.map(_shard, scales=scales, **common)
    log_jacobian = float(parts.map(_log_jacobian, scale=scale).total())
    mark: Digest = parts.map(_digest, log_jacobian=log_jacobian).total()
    starts, mass = parts.map(_start, family=family).total()
    return ClusterRows(
        model=model,
        spec=spec,
        scale=scale,
        present=reduce(set.union, parts.map(_masses, masses=family.masses)),
        bound=Bound(
            problem=assemble(spec.layout, family, shards, arranged),
            scales=scales,
            layout=spec.layout,
            n_samples=n_samples,
            data_digest=str(mark),
            log_jacobian=log_jacobian,
        ),
        constants=starts / mass,
    )


def _on_bounds(rows: _Rows, scale: Scale) -> tuple[int, int]:
    homeless = np.count_nonzero(np.logical_or(*scale.homeless(rows.y)))
    return int(homeless), int(np.count_nonzero((rows.y > scale.low) & (rows.y < scale.high)))


def _is_weighted(rows: _Rows) -> int:
    return int(rows.weights is not None and not np.all(rows.weights == 1.0))


def _part(rows: _Rows, spec: DesignSpec, scale: Scale, context: Context, keep: bool) -> _Part:
    design = spec.build(rows.frame, context=context)
    return _Part(design, scale.unit(rows.y), rows.weights if keep else None)


def _design(part: _Part) -> Design:
    return part.design


def _weights(part: _Part) -> Floats | None:
    return part.weights


def _shard(part: _Part, scales: Any, **common: Any) -> Shard:
    return bind_part(scales.apply(part.design), part.unit, part.weights, **common)


def _log_jacobian(part: _Part, scale: Scale) -> float:
    mass = 1.0 if part.weights is None else part.weights
    return float(np.sum(mass * scale.log_jacobian(part.unit)))


def _digest(part: _Part, log_jacobian: float) -> Digest:
    return digest(part.unit, part.weights, log_jacobian)


def _start(part: _Part, family: Family) -> tuple[Floats, float]:
    mass = float(len(part.unit) if part.weights is None else part.weights.sum())
    return mass * family.start(part.unit, part.weights), mass


def _masses(part: _Part, masses: tuple[float, ...]) -> set[float]:
    return masses_in(part.unit, masses)
