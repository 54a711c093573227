r"""The covariance of estimates that holds where the model of independent clusters is wrong.

With V the inverse Hessian of the objective and :math:`s_c` the gradient of the objective of
cluster c it is :math:`\frac{C}{C - 1} V (\sum_c s_c s_c^T) V` [1]_ [2]_.

Where fixed effects are integrated out, with their information A, the clusters share
:math:`\tfrac12 \log\det A`, whose gradient is a sum over them, nevertheless, as A is one:
:math:`\tfrac12 tr(A^{-1} dA_c)`. The scores of these effects are those given all else.

References
----------
.. [1] White, H. (1982). Maximum likelihood estimation of misspecified models. Econometrica,
   50(1), 1-25.
.. [2] Liang, K.-Y. & Zeger, S. L. (1986). Longitudinal data analysis using generalized linear
   models. Biometrika, 73(1), 13-22.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.engine import Mode, Problem
from skglmm.fitting import Fit, Study, Uncertainty
from skglmm.linalg import block_diagonal

__all__ = ["cluster_scores", "fixed_scores", "independent_clusters", "sandwich", "shared_levels"]


def sandwich(fit: Fit, study: Study, clusters: Ints) -> Uncertainty:
    """Return the uncertainty of (beta, theta) that is robust to a wrong model of the clusters.

    Parameters
    ----------
    fit : Fit
        With its covariance.
    study : Study
        Its rows.
    clusters : ndarray of int, shape (n,)
        Cluster of each row, from 0; at least two, which share no levels.

    Returns
    -------
    Uncertainty
        In the user's units; what is held or flat is that of the fit.
    """
    assert fit.uncertainty is not None
    scores = cluster_scores(fit, study, clusters)
    half = scores @ fit.uncertainty.covariance
    covariance = half.T @ half * (len(scores) / (len(scores) - 1))
    return replace(fit.uncertainty, covariance=np.asarray(covariance))


def cluster_scores(fit: Fit, study: Study, clusters: Ints) -> Floats:
    """Return the gradient of the objective of each cluster in (beta, theta).

    Parameters
    ----------
    fit : Fit
    study : Study
        Its rows.
    clusters : ndarray of int, shape (n,)
        Cluster of each row, from 0; clusters share no levels.

    Returns
    -------
    ndarray, shape (n_clusters, n_params)
        In the user's units; the sum over clusters is 0 but for the optimizer's tolerance, and the
        slopes of priors, which belong to no cluster.
    """
    study = study.like(fit)
    gradients, mode = _gradients(study.problem, study.vector(fit), clusters)
    bound = study.around(fit)
    if bound.whole is not None:
        is_searched = study.problem.searched
        gradients[:, is_searched] = _gradients(bound.problem, bound.vector(fit), clusters)[0]
        given = -fixed_scores(study, mode, clusters).T
        gradients[:, ~is_searched] = given[:, ~is_searched[: given.shape[1]]]
    n_theta = sum(map(len, fit.theta))
    return np.asarray(gradients @ block_diagonal(study.scales.whole_way_back, np.eye(n_theta)))


def _gradients(problem: Problem, vector: Floats, clusters: Ints) -> tuple[Floats, Mode]:
    here = problem.evaluate(vector)
    assert here is not None  # or there would be no fit
    return problem.cluster_gradients(here.mode, clusters), here.mode


def fixed_scores(study: Study, mode: Mode, codes: Ints) -> Floats:
    """Return gradients of the log density in the fixed effects, given all else, by level.

    Parameters
    ----------
    study : Study
    mode : Mode
        Of its problem.
    codes : ndarray of int, shape (n,)
        Level of each row, from 0.

    Returns
    -------
    ndarray, shape (n_beta, n_levels)
        On the standardized columns.
    """
    rows = study.problem.rows
    grad = np.concatenate([state.rows.grad for state in mode.point.states], axis=1)
    codes, n_levels = codes[rows], int(codes.max(initial=-1)) + 1
    sums = [
        np.bincount(codes, column * row, n_levels)
        for x, row in zip(study.design.fixed, grad, strict=True)
        for column in x[rows].T
    ]
    return np.array(sums, dtype=np.float64).reshape(-1, n_levels)


def independent_clusters(design: Design) -> Ints:
    """Return the smallest clusters of rows that share no level of any factor.

    Parameters
    ----------
    design : Design, n rows

    Returns
    -------
    ndarray of int, shape (n,)
        From 0; levels of the uppermost factor where factors are nested, and single rows where
        there are none.
    """
    if not design.codes:
        return np.arange(design.n_samples)
    sizes = [factor.n_levels for factor in design.layout.factors]
    starts = np.cumsum([0, *sizes])
    nodes = [start + codes for start, codes in zip(starts[:-1], design.codes, strict=True)]
    edges = [np.empty((2, 0), dtype=np.intp), *(np.stack(pair) for pair in pairwise(nodes))]
    left, right = np.concatenate(edges, axis=1)
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(starts[-1], starts[-1]))
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(np.unique(labels[nodes[0]], return_inverse=True)[1])


def shared_levels(design: Design, clusters: Ints) -> dict[str, list[str]]:
    """Return the levels that occur in several clusters, for the factors that have some.

    Parameters
    ----------
    design : Design, n rows
    clusters : ndarray of int, shape (n,)
    """
    found = {}
    for factor, codes in zip(design.layout.factors, design.codes, strict=True):
        first = np.full(factor.n_levels, -1)
        first[codes] = clusters
        split = np.unique(codes[first[codes] != clusters])
        if split.size:
            found[factor.name] = [str(label) for label in factor.labels[split]]
    return found
