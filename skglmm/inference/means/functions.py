r"""Weighted sums of what rows have, as functions of the estimates and of conditioned effects.

With A the derivatives of m functions in :math:`(\beta, \theta)`, V their covariance, and W the
derivatives in effects that are conditional modes, whose covariance given the estimates is P, the
covariance of the functions is :math:`A V A^T + W P W^T` [1]_. Contrasts are sums of rows of A
and of W, so that no covariance of the functions themselves is needed.

References
----------
.. [1] Kass, R. E. & Steffey, D. (1989). Approximate Bayesian inference in conditionally
   independent hierarchical models. Journal of the American Statistical Association,
   84(407), 717-726.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from skglmm.arrays import Bools, Floats
from skglmm.design import Design, effect_slots
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.between_within import BetweenWithin, Residual
from skglmm.inference.degrees_of_freedom.reference import Reference
from skglmm.inference.parameters.delta import linear_gradient, posterior_blocks
from skglmm.inference.parameters.new_places import at_new_places
from skglmm.inference.prediction.estimable import missed_by_sums
from skglmm.inference.prediction.predict import Plan, linear_predictors

__all__ = ["EstimatedFunctions", "effect_slopes", "linear_sums"]

PAIRS = 2**16  # of levels, whose blocks are made at a time


@dataclass(frozen=True, eq=False)
class EstimatedFunctions:
    """Some functions of the estimates, to first order.

    Parameters
    ----------
    fit : Fit
        With the covariance of its estimates that counts.
    value : ndarray, shape (m,)
        NaN where rows have no answer.
    gradient : ndarray, shape (m, n_params)
        Derivatives in (beta, theta).
    effects : mapping of int to ndarray, shape (m, k, L)
        Derivatives in the effects of each conditioned factor.
    sums : ndarray, shape (m, n_beta), or None
        Weights of the coefficients, of sums of linear predictors, which tell what the data
        determine; None of functions that are curved.
    """

    fit: Fit
    value: Floats
    gradient: Floats
    effects: Mapping[int, Floats]
    sums: Floats | None = None

    def combined(self, weights: Floats) -> "EstimatedFunctions":
        """Return weighted sums of the functions, for weights (q, m)."""
        return EstimatedFunctions(
            self.fit,
            _weighted(weights, self.value),
            weights @ self.gradient,
            {f: np.tensordot(weights, w, axes=1) for f, w in self.effects.items()},
            None if self.sums is None else weights @ self.sums,
        )

    def moved(self, value: Floats, slope: Floats) -> "EstimatedFunctions":
        """Return functions of each of them alone, with their slopes, (m,) each."""
        return EstimatedFunctions(
            self.fit,
            np.where(self.undetermined, np.nan, value),
            slope[:, None] * self.gradient,
            {f: slope[:, None, None] * w for f, w in self.effects.items()},
        )

    def take(self, rows: list[int]) -> "EstimatedFunctions":
        """Return some of the functions."""
        return replace(
            self,
            value=self.value[rows],
            gradient=self.gradient[rows],
            effects={f: w[rows] for f, w in self.effects.items()},
            sums=None if self.sums is None else self.sums[rows],
        )

    @property
    def undetermined(self) -> Bools:
        """Which of them the data do not determine, (m,)."""
        lost = np.isnan(self.value)
        if self.sums is not None:
            lost = lost | missed_by_sums(self.fit, self.sums).any(axis=1)
        return lost

    @property
    def estimate(self) -> Floats:
        """Their values, (m,), NaN where the data do not determine them."""
        return np.where(self.undetermined, np.nan, self.value)

    @property
    def std_error(self) -> Floats:
        """Standard errors, (m,)."""
        known = self.fit.uncertainty
        assert known is not None
        variance = known.variance(self.gradient) + self._given_estimates()
        return np.where(self.undetermined, np.nan, np.sqrt(np.maximum(variance, 0.0)))

    def df(self, against: Reference) -> Floats:
        """Return degrees of freedom, (m,), infinite but for functions of fixed effects.

        Methods that count groups and rows have some for functions of variances, too: of averages
        over groups, as of the fixed effects that they depend on.
        """
        n_beta = self.fit.shape.n_beta
        fixed = self.gradient[:, :n_beta].any(axis=1) & np.isfinite(self.gradient).all(axis=1)
        if not isinstance(against, BetweenWithin | Residual):
            fixed &= ~self.gradient[:, n_beta:].any(axis=1)
        for w in self.effects.values():
            fixed &= ~w.any(axis=(1, 2))
        found = np.full(len(self.value), np.inf)
        if against.has_df and fixed.any():
            found[fixed] = against.df(self.gradient[fixed, :n_beta])
        return np.where(self.undetermined, np.nan, found)

    def _given_estimates(self) -> Floats:
        """Variances given the estimates, (m,)."""
        variance = np.zeros(len(self.value))
        for f, left in self.effects.items():
            for g, right in self.effects.items():
                if f <= g:
                    twice = 1.0 if f == g else 2.0
                    variance += twice * _between(self.fit, f, g, left, right)
        return variance


def _between(fit: Fit, f: int, g: int, left: Floats, right: Floats) -> Floats:
    """Sums over pairs of levels of ``left @ block @ right``, (m,)."""
    mine, theirs = (np.flatnonzero(w.any(axis=(0, 1))) for w in (left, right))
    total, step = np.zeros(len(left)), max(1, PAIRS // max(len(theirs), 1))
    for start in range(0, len(mine), step):
        some = mine[start : start + step]
        a, b = np.repeat(some, len(theirs)), np.tile(theirs, len(some))
        blocks = posterior_blocks(fit, f, g, a, b)
        total += np.einsum("iap,abp,ibp->i", left[:, :, a], blocks, right[:, :, b], optimize=True)
    return total


def linear_sums(
    fit: Fit, design: Design, plan: Plan, weights: csr_array, predictor: int
) -> EstimatedFunctions:
    """Return weighted sums of a linear predictor over rows.

    Parameters
    ----------
    fit : Fit
        With inference.
    design : Design, n rows
    plan : Plan
        Whose conditioned effects enter; the others are 0.
    weights : csr_array, shape (m, n)
    predictor : int
    """
    fit, design = at_new_places(fit, design)
    eta = linear_predictors(fit, design, plan.conditioned)[predictor]
    sums = np.zeros((weights.shape[0], fit.shape.n_beta))
    sums[:, fit.shape.beta(predictor)] = weights @ design.fixed[predictor]
    return EstimatedFunctions(
        fit,
        weights @ eta,
        weights @ linear_gradient(fit, design, plan.conditioned, predictor),
        dict(effect_slopes(fit, design, plan, {predictor: weights})),
        sums,
    )


def effect_slopes(
    fit: Fit, design: Design, plan: Plan, slopes: Mapping[int, csr_array]
) -> Iterator[tuple[int, Floats]]:
    """Yield the conditioned factors with derivatives in their effects, (m, k, L).

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
    plan : Plan
    slopes : mapping of int to csr_array, shape (m, n)
        Derivatives of functions in the linear predictors of the rows.
    """
    m = next(iter(slopes.values())).shape[0]
    rows = np.arange(design.n_samples)
    for f in plan.conditioned:
        codes, n_levels = design.codes[f], fit.u[f].shape[1]
        found = np.zeros((m, len(fit.u[f]) * n_levels))
        for c, z, k in effect_slots(design.columns[f], fit.layout.factors[f].predictors):
            if k in slopes:
                own = np.where(codes >= 0, z, 0.0)
                keys = c * n_levels + np.maximum(codes, 0)
                where = csr_array((own, (rows, keys)), shape=(len(rows), found.shape[1]))
                found += (slopes[k] @ where).toarray()
        yield f, found.reshape(m, -1, n_levels)


def _weighted(weights: Floats, values: Floats) -> Floats:
    """Weighted sums, NaN only of what a NaN has a weight in."""
    found = weights @ np.nan_to_num(values)
    lost = ((weights != 0.0) & np.isnan(values)).any(axis=1)
    return np.where(lost, np.nan, found)
