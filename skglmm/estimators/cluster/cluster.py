"""A fit whose rows stay on the workers of a dask cluster: only sums and labels come here."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.engine import Shard, assemble, bind_part
from skglmm.estimators.cluster.labels import Arranged, arranged, learn_labels, regrouped
from skglmm.estimators.cluster.rows import (
    VettedRows,
    check_partitions,
    n_rows_of,
    read_rows,
    some_rows,
)
from skglmm.estimators.reading.frames import fit_frame
from skglmm.estimators.reading.model import Model, read_model
from skglmm.families import Family
from skglmm.fitting import (
    Bound,
    Digest,
    Units,
    digest,
    first_constants,
    known_priors,
    learn_scales,
    measured,
    penalty_of,
    row_digest,
    signed_sums,
    spaces,
)
from skglmm.parts import Parts, connected
from skglmm.response import ResponseScale

__all__ = ["ClusterRows", "cluster_rows", "learned"]

Context = Mapping[str, Callable[..., Any]] | None


@dataclass(frozen=True)
class ClusterRows:
    """What a fit needs to know of rows that stay where they are.

    Parameters
    ----------
    model : Model
    spec : DesignSpec
    scale : ResponseScale
    bound : Bound
    constants : ndarray, shape (K,)
        Constant linear predictors that suit the responses.
    digest : Digest
        By which the rows are known again, see `row_digest`.
    """

    model: Model
    spec: DesignSpec
    scale: ResponseScale
    bound: Bound
    constants: Floats
    digest: Digest


def cluster_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any, family: Family, draft: ResponseScale
) -> ClusterRows:
    """Learn labels, scales and shards from dask rows.

    Parameters
    ----------
    estimator : MixedModel
        Its parameters; `n_features_in_` and `feature_names_in_` are set.
    X : dask DataFrame
    y : dask Series
    sample_weight : dask Series or None
    family : Family
    draft : ResponseScale
        What y is, before any response is seen.

    Raises
    ------
    ValueError
        When there is no cluster, when X, y and the weights have different partitions, or as
        `fit` of rows in memory.
    """
    client = connected()
    check_partitions(X, y, sample_weight)
    meta = fit_frame(estimator, X._meta_nonempty)
    label = y.name if isinstance(y.name, str) else None
    model = read_model(estimator, family, meta, label)  # of which columns there are
    names = [n for n in meta.columns if n in model.columns or n == estimator.offset]
    return learned(  # which alone holds the partitions, until their rows are regrouped
        read_rows(client, X[names], y, sample_weight, type(estimator)._vet),
        meta[names],
        label,
        estimator,
        family,
        draft,
    )


def learned(
    rows: Parts[VettedRows],
    meta: pd.DataFrame,
    response: str | None,
    estimator: Any,
    family: Family,
    draft: ResponseScale,
) -> ClusterRows:
    """Learn labels, scales and shards from parts of rows.

    Parameters
    ----------
    rows : Parts of VettedRows
        Of positive weight.
    meta : DataFrame
        Some rows with the types of their columns, for names.
    response : str or None
        Name of y.
    estimator : MixedModel
        Its parameters.
    family : Family
    draft : ResponseScale
    """
    rows = some_rows(rows)
    counted = _Tally(*rows.map(_tally, draft=draft).total())
    scale = draft.settled(*counted.tally)
    family = estimator._settled(family, scale)
    model = read_model(estimator, family, meta, response)
    spec = learn_labels(rows, meta, model, estimator)
    averages = estimator.predict_kind == "posterior"
    whole = averages or estimator._likelihood(family).needs_chain
    plan = arranged(rows, spec, whole=whole)
    rows = regrouped(rows, spec, plan)
    return _bound(rows, spec, plan, estimator, family, scale, model=model, counted=counted)


class _Part(NamedTuple):
    """Some rows as the numerical core takes them."""

    design: Design
    read: Floats
    weights: Floats | None


def _bound(
    rows: Parts[VettedRows],
    spec: DesignSpec,
    plan: Arranged,
    estimator: Any,
    family: Family,
    scale: ResponseScale,
    *,
    model: Model,
    counted: "_Tally",
) -> ClusterRows:
    keep = bool(counted.n_weighted)
    parts = rows.map(_part, spec=spec, scale=scale, context=estimator.context, keep=keep)
    designs, weights = parts.lazily(_design), parts.lazily(_weights)
    scales = learn_scales(spec.layout, designs, weights, family.intercepts)
    scales = measured(scales, spec.layout, family, designs, parts.lazily(_read), weights)
    fed = {k for factor in spec.layout.factors for k in factor.predictors}
    constant = [
        k not in fed and not spec.layout.is_shifted(k) and bool(np.all(flags))
        for k, flags in enumerate(scales.constant)
    ]
    n_columns = [len(each) for each in scales.sizes]
    common = {"family": family, "arranged": plan, "constant": constant}
    shards = parts.lazily(_shard, scales=scales, **common)
    totals = parts.map(_totals, scale=scale, family=family, units=scales.units).total()
    log_jacobian, log_units, starts, mass, sums, occurring = totals
    mark, row_mark = parts.map(_digests, rows, spec=spec, log_jacobian=log_jacobian).total()
    problem = assemble(spec.layout, family, shards, plan, n_columns)
    problem = problem.approximated(estimator._likelihood(family), spec.layout)
    known = (spec.layout, scales, designs, parts.lazily(_read), weights)
    priors = known_priors(estimator._priors(spec), problem, *known)
    penalty = penalty_of(priors, spec.layout, scales, family)
    return ClusterRows(
        model=model,
        spec=spec,
        scale=scale,
        bound=Bound(
            problem=replace(problem, penalty=penalty),
            scales=scales,
            layout=spec.layout,
            n_samples=counted.n_samples,
            data_digest=str(mark),
            log_jacobian=log_jacobian + log_units,
            spaces=spaces(sums, scales),
            masses=frozenset(itertools.compress(family.masses, occurring)),
            priors=priors,
        ),
        constants=starts / mass,
        digest=row_mark,
    )


class _Tally(NamedTuple):
    """Number of rows, of parts with weights, and what responses are."""

    n_samples: int
    n_weighted: int
    tally: tuple[Any, ...]


def _tally(rows: VettedRows, draft: ResponseScale) -> tuple[int, int, tuple[Any, ...]]:
    """What `_Tally` consists of, of some rows."""
    draft.refuse_rows(rows.frame, rows.y)
    is_weighted = rows.weights is not None and not np.all(rows.weights == 1.0)
    return n_rows_of(rows), int(is_weighted), draft.tally(rows.y)


def _part(
    rows: VettedRows, spec: DesignSpec, scale: ResponseScale, context: Context, keep: bool
) -> _Part:
    design = spec.build(rows.frame, context=context)
    return _Part(design, scale.read(rows.y), rows.weights if keep else None)


def _design(part: _Part) -> Design:
    return part.design


def _read(part: _Part) -> Floats:
    return part.read


def _weights(part: _Part) -> Floats | None:
    return part.weights


def _shard(part: _Part, scales: Any, **common: Any) -> Shard:
    response = scales.units.response(part.read)
    return bind_part(scales.apply(part.design), response, part.weights, **common)


def _totals(part: _Part, scale: ResponseScale, family: Family, units: Units) -> tuple[Any, ...]:
    """What a fit knows of the rows beside their likelihood; those of two parts add up."""
    y, weights, masses = part.read, part.weights, family.masses
    mass = float(len(y) if weights is None else weights.sum())
    return (
        scale.total_log_jacobian(y, weights),
        units.log_jacobian(y, weights, masses),
        mass * first_constants(family, part.design.offsets, units.response(y), weights),
        mass,
        signed_sums(part.design, y, weights),
        np.isin(masses, y).astype(np.intp),
    )


def _digests(
    part: _Part, rows: VettedRows, spec: DesignSpec, log_jacobian: float
) -> tuple[Digest, Digest]:
    """Fingerprints of the responses, and of whole rows."""
    columns = spec.read(rows.frame)
    return (
        digest(part.read, part.weights, log_jacobian),
        row_digest(columns, part.read, part.weights),
    )
