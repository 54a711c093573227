r"""Covariance of the fixed effects of a linear mixed model, from sums over levels.

With :math:`V = Z \Sigma Z^T + \sigma^2 W^{-1}`, H the Hessian in the spherical effects and
:math:`J = -H^{-1} \Lambda^T Z^T W X / \sigma^2` the derivative of their modes in the fixed effects,
:math:`V^{-1} X = W (X + Z \Lambda J) / \sigma^2`: what is needed of the rows are the cross-products
of the mixed model equations.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.engine import MixedModelEquations
from skglmm.fitting import Fit

__all__ = ["MarginalModel"]


@dataclass(frozen=True)
class MarginalModel:
    """A linear mixed model without its random effects: normal responses with a covariance V.

    Everything is in the units of the fit, on its columns.

    Parameters
    ----------
    fit : Fit
        Of a linear mixed model, with inference.
    """

    fit: Fit

    @property
    def equations(self) -> MixedModelEquations:
        """Cross-products of the rows."""
        assert self.fit.equations is not None
        return self.fit.equations

    @property
    def location(self) -> int:
        """Place of the predictor of the mean."""
        return self.fit.family.location

    @property
    def scale(self) -> int:
        """Place of the predictor of the residual standard deviation."""
        return self.fit.family.scale

    @property
    def to_user(self) -> Floats:
        """From the coefficients of the fit to those of the user, (p, p kept)."""
        return self.fit.coefficient_maps[self.location]

    @property
    def has_scale(self) -> bool:
        """Whether the residual variance is estimated; otherwise it is in the equations, or none."""
        return len(self.fit.beta[self.scale]) > 0

    @cached_property
    def log_sigma_slope(self) -> float:
        """Derivative of the log residual standard deviation in its coefficient."""
        return float(1.0 / abs(self.fit.coefficient_maps[self.scale][0, 0]))

    @cached_property
    def residual_variance(self) -> float:
        """Variance of the residuals of rows of weight one, in the units of the equations."""
        if not self.has_scale:
            return 1.0
        k = self.scale
        moved = float(self.fit.beta[k][0] - self.fit.origins[k][0])
        return float(np.exp(2.0 * self.log_sigma_slope * moved))

    @cached_property
    def factors(self) -> list[Floats]:
        """Factors of the covariances of the effects of one level, (k, k) each."""
        pairs = zip(self.fit.layout.factors, self.fit.theta, strict=True)
        return [factor.covariance.factor(theta) for factor, theta in pairs]

    @cached_property
    def sigmas(self) -> list[Floats]:
        """Covariances of the effects of one level, (k, k) each."""
        return [lower @ lower.T for lower in self.factors]

    @cached_property
    def _moves(self) -> list[Floats]:
        """Derivatives of the modes b in the fixed effects, (k, p, L) each."""
        assert self.fit.mode_jacobian is not None
        own = self.fit.shape.beta(self.location)
        parts = (np.tensordot(self.to_user.T, each[own], 1) for each in self.fit.mode_jacobian)
        pairs = zip(self.factors, parts, strict=True)
        return [np.einsum("ab,pbl->apl", lower, part) for lower, part in pairs]

    @cached_property
    def projections(self) -> list[Floats]:
        """Products ``Z' inv(V) X``, (k, p, L) for each factor."""
        if not self._moves:
            return []
        shapes = [part.shape for part in self._moves]
        flat = [np.moveaxis(part, 1, 2).reshape(-1, part.shape[1]) for part in self._moves]
        random = self.equations.random.matrix @ np.concatenate(flat)
        cuts = np.cumsum([len(part) for part in flat])[:-1]
        triples = zip(self.equations.mixed, np.split(random, cuts), shapes, strict=True)
        return [
            (mixed + np.moveaxis(part.reshape(k, n, p), 1, 2)) / self.residual_variance
            for mixed, part, (k, p, n) in triples
        ]

    @cached_property
    def information(self) -> Floats:
        """Information about the fixed effects given the variances, ``X' inv(V) X``, (p, p)."""
        pairs = zip(self.equations.mixed, self._moves, strict=True)
        explained = sum(np.einsum("apl,aql->pq", mixed, move) for mixed, move in pairs)
        whole = self.equations.fixed + explained
        return np.asarray(0.5 * (whole + whole.T) / self.residual_variance)

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the estimated fixed effects given the variances, (p, p)."""
        return np.asarray(np.linalg.inv(self.information))

    @cached_property
    def squares(self) -> list[Floats]:
        """Sums over levels of products of the projections, (k, k, p, p) for each factor."""
        found = []
        for each in self.projections:
            k, p, n = each.shape
            flat = each.reshape(k * p, n)
            products = (flat @ flat.T).reshape(k, p, k, p).swapaxes(1, 2)
            found.append(np.ascontiguousarray(products))
        return found

    def explained(self, f: int, change: Floats) -> Floats:
        """Return ``X' inv(V) Z D Z' inv(V) X`` with a matrix D, (k, k), for each level, (p, p)."""
        squares = self.squares[f]
        flat = change.ravel() @ squares.reshape(change.size, -1)
        return np.asarray(flat.reshape(squares.shape[2:]))

    @cached_property
    def by_residuals(self) -> Floats:
        r"""Return :math:`X^T V^{-1} \sigma^2 W^{-1} V^{-1} X`, as V is a sum, (p, p)."""
        parts = (self.explained(f, sigma) for f, sigma in enumerate(self.sigmas))
        return np.asarray(self.information - sum(parts))
