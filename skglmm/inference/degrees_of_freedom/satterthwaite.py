r"""Satterthwaite's degrees of freedom of linear mixed models.

With :math:`\vartheta` the parameters of the variances, A the inverse of the observed information
about them, and :math:`f(\vartheta) = c^T C(\vartheta) c` the variance of a contrast,

.. math:: \nu = 2 f^2 / (\nabla f^T A \nabla f)

matches the first two moments of a scaled chi-square variable [1]_, [2]_. Derivatives are exact:
:math:`dC = C X^T V^{-1} dV V^{-1} X C`. Several contrasts are turned into independent ones,
:math:`t_m` with :math:`\nu_m` degrees of freedom each, and :math:`F = \tfrac1q \sum t_m^2` has the
mean of an F variable with :math:`\nu = 2 E / (E - q)`, :math:`E = \sum \nu_m / (\nu_m - 2)` [3]_.
These are the numbers of lmerTest [4]_.

References
----------
.. [1] Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance
   components. Biometrics Bulletin, 2(6), 110-114.
.. [2] Giesbrecht, F. G. & Burns, J. C. (1985). Two-stage analysis based on a mixed model: large
   sample asymptotic theory and small-sample simulation results. Biometrics, 41(2), 477-486.
.. [3] Fai, A. H.-T. & Cornelius, P. L. (1996). Approximate F-tests of multiple degree of freedom
   hypotheses in generalized least squares analyses of unbalanced split-plot experiments. Journal
   of Statistical Computation and Simulation, 54(4), 363-378.
.. [4] Kuznetsova, A., Brockhoff, P. B. & Christensen, R. H. B. (2017). lmerTest package: tests in
   linear mixed effects models. Journal of Statistical Software, 82(13), 1-26.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skglmm.arrays import Floats
from skglmm.inference.degrees_of_freedom.marginal import MarginalModel
from skglmm.inference.degrees_of_freedom.reference import Denominator, Reference

__all__ = ["Satterthwaite"]

SAME = 1e-8  # degrees of freedom: those of a balanced design differ by rounding


@dataclass(frozen=True)
class Satterthwaite(Reference):
    """Student's t and F distributions with Satterthwaite's degrees of freedom.

    Variance parameters on the boundary of their range are held: the variance of a contrast is even
    in them, so that its derivatives there are 0, as the gradient of lmerTest has them, too.
    """

    @property
    def title(self) -> str:
        return "Satterthwaite"

    @cached_property
    def model(self) -> MarginalModel:
        """Where the covariance comes from."""
        return MarginalModel(self.fit.original)

    @cached_property
    def location_covariance(self) -> Floats:
        """Covariance of the fixed effects of the location given the variances, (p, p)."""
        to_user = self.model.to_user
        return np.asarray(to_user @ self.model.covariance @ to_user.T)

    @cached_property
    def moves(self) -> Floats:
        """Derivatives of that covariance in the parameters, (n_params, p, p)."""
        model, shape = self.model, self.fit.shape
        root = model.to_user @ model.covariance
        moves = np.zeros((shape.n_params, len(root), len(root)))
        if model.has_scale:
            slope = 2.0 * model.log_sigma_slope
            moves[shape.beta(model.scale).start] = slope * root @ model.by_residuals @ root.T
        for f, theta in enumerate(self.fit.theta):
            factor, start = self.fit.layout.factors[f], shape.theta(f).start
            for m, change in enumerate(factor.covariance.moves(theta)):
                half = change @ model.factors[f].T
                moves[start + m] = root @ model.explained(f, half + half.T) @ root.T
        return moves

    def estimated_df(self, contrasts: Floats) -> Floats:
        found = np.full(len(contrasts), np.inf)
        alone = self.concerns_location(contrasts)
        own = self.fit.shape.beta(self.fit.family.location)
        found[alone] = self._df(contrasts[alone][:, own])
        return found

    def _df(self, contrasts: Floats) -> Floats:
        assert self.fit.uncertainty is not None
        left = contrasts @ self.location_covariance
        variance = np.einsum("mp,mp->m", left, contrasts)
        with np.errstate(divide="ignore", invalid="ignore"):  # variances that are known: infinite
            unit = contrasts / np.sqrt(variance)[:, None]  # whose variances are 1 in any units
            slopes = np.einsum("nmp,mp->mn", unit @ self.moves, unit)
            return np.asarray(2.0 / self.fit.uncertainty.variance(slopes))

    def estimated_denominator(self, contrasts: Floats) -> Denominator:
        if not self.concerns_location(contrasts).all():
            return Denominator(np.inf)
        own = contrasts[:, self.fit.shape.beta(self.fit.family.location)]
        _, vectors = np.linalg.eigh(own @ self.location_covariance @ own.T)
        return Denominator(_joint(self._df(vectors.T @ own)))


def _joint(dfs: Floats) -> float:
    """Denominator degrees of freedom of the mean of squares of independent t variables."""
    if len(dfs) == 1 or np.ptp(dfs) < SAME or np.isinf(dfs).all():
        return float(dfs.mean())
    if np.any(dfs <= 2.0):
        return 2.0
    expected = float(np.sum(1.0 / (1.0 - 2.0 / dfs)))
    return 2.0 * expected / (expected - len(dfs))
