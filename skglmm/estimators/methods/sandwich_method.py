"""Confidence intervals that hold where the model is wrong but clusters are independent."""

from dataclasses import replace

import numpy as np
import pandas as pd

from skglmm import inference as infer
from skglmm.arrays import Ints
from skglmm.design import Design
from skglmm.estimators.methods.interval_request import IntervalRequest
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.validation import check_inference
from skglmm.estimators.runtime.warnings import tell

__all__ = ["sandwich_intervals"]

FEW = 20  # clusters: the bias of the sandwich is of the order of parameters / clusters


def sandwich_intervals(request: IntervalRequest) -> infer.Intervals:
    """Return Wald intervals with the sandwich for the covariance of the estimates."""
    check_inference(request.fit)
    study = request.study()
    design = study.standard.design
    clusters = _clusters(request, design)
    n_clusters = int(clusters.max()) + 1
    if n_clusters < FEW:
        text = (
            f"{n_clusters} clusters are few for the sandwich, whose intervals are then too short; "
            "method='bootstrap' or 'profile' need no clusters, but a model that is right"
        )
        tell(text)
    robust = replace(request.fit, uncertainty=infer.sandwich(request.fit, study, clusters))
    return request.only_wanted(infer.intervals(robust, request.level))


def _clusters(request: IntervalRequest, design: Design) -> Ints:
    """Cluster of each row, from 0."""
    if request.cluster is None:
        clusters = infer.independent_clusters(design)
        if clusters.max() == 0:
            names = " and ".join(repr(factor.name) for factor in design.layout.factors)
            msg = (
                f"all rows share random effects, directly or through others, of {names}: there "
                "are no independent clusters for a sandwich, as where factors are crossed; use "
                "method='bootstrap' or 'profile'"
            )
            raise ValueError(msg)
        return clusters
    clusters = _named_clusters(request, request.cluster)
    for name, levels in infer.shared_levels(design, clusters).items():
        msg = (
            f"{len(levels)} of the levels of {name!r} occur in several clusters of "
            f"cluster={request.cluster!r}, the first is {levels[0]!r}: clusters that share random "
            "effects are not independent. Name a column within whose values the groups lie, or "
            "leave cluster=None"
        )
        raise ValueError(msg)
    return clusters


def _named_clusters(request: IntervalRequest, name: str) -> Ints:
    frame = predict_frame(request.estimator, request.X)
    if name not in frame.columns:
        listed = ", ".join(map(repr, frame.columns))
        msg = f"cluster={name!r} is no column of X, which has {listed}"
        raise ValueError(msg)
    column = frame[name]
    if request.sample_weight is not None:  # rows of weight 0 are no rows of the fit
        weights = np.broadcast_to(np.asarray(request.sample_weight), len(column))
        column = column[weights > 0]
    codes, values = pd.factorize(column)
    if (codes < 0).any():
        msg = (
            f"cluster={name!r} has {np.count_nonzero(codes < 0)} missing values; fill or drop them"
        )
        raise ValueError(msg)
    if len(values) < 2:
        msg = f"cluster={name!r} has the single value {values[0]!r}, expected at least two clusters"
        raise ValueError(msg)
    return np.asarray(codes, dtype=np.intp)
