"""The frozen record of a fitted model."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Bools, Floats
from skglmm.design import Layout
from skglmm.engine import (
    Approximation,
    EffectInformation,
    Laplace,
    MixedModelEquations,
    PosteriorNodes,
    PosteriorNormal,
    ProbePlan,
    Sizes,
    Solver,
    solver_of,
)
from skglmm.families import Family
from skglmm.fitting.data.cap import Cap
from skglmm.fitting.data.null_space import NullSpace
from skglmm.fitting.data.spaces import Spaces
from skglmm.fitting.data.units import USER, Units
from skglmm.fitting.uncertainty import Uncertainty
from skglmm.linalg import PaddedPosterior, Posterior
from skglmm.priors import NO_PRIORS, Priors

__all__ = ["Fit"]

LAPLACE = Laplace()


@dataclass(frozen=True)
class Fit:
    r"""A fitted model; no training rows.

    The order of factors is that of the layout. Fixed effects, lambdas and covariances of modes
    are in the user's units; `theta` belongs to the internal, standardized columns.

    Parameters
    ----------
    family : Family
    layout : Layout
    beta : tuple of ndarray, each of shape (p_k,)
        Fixed effects of each predictor; 0 for aliased columns.
    theta : tuple of ndarray, each of shape (n_theta_f,)
        In the units of the fit.
    lambdas : tuple of ndarray, each of shape (k, k)
        ``b = lambda_ @ u``; the covariance of the effects is ``lambda_ @ lambda_.T``.
    u : tuple of ndarray, each of shape (k, L)
        Spherical conditional modes.
    bases : tuple of ndarray, each of shape (k, k)
        ``lambda_ = basis @ factor(theta)``.
    aliased : tuple of tuple of int
        Fixed columns left out, as linear combinations of earlier ones.
    uncertainty : Uncertainty or None
        Covariance of (beta, theta), as far as the data determine it; None if it was not asked
        for.
    recession : tuple of ndarray, each of shape (p_k,)
        A change of the fixed effects, by units of the fit, along which the likelihood rises for
        ever, in all rows that are separated, or of which no response shows what a predictor
        describes.
    infinities : tuple of ndarray, each of shape (p_k,)
        Sign of the infinity at which each fixed effect has its estimate; 0 for those that have a
        finite one, NaN where any has the same likelihood, as what they compare is at infinity.
    order : tuple of int
        The factors, the leading (largest) one first.
    posterior : Posterior or None
        Covariance of the spherical effects given the parameters, in that order. None, as is the
        next, in a refit, which is about parameters.
    effect_information : EffectInformation or None
        Of the log likelihood of the rows in the spherical effects: what new rows add to. None,
        too, where these are solved for by iterations and very many pairs of levels meet.
    mode_jacobian : tuple of ndarray, each of shape (n_params, k, L), or None
        Derivative of the spherical modes in (beta, theta).
    log_likelihood : float
        Approximate, on the response's own scale; restricted, in the units of the user's columns,
        where the approximation integrates fixed effects out.
    n_samples : int
    data_digest : str
        Fingerprint of responses and weights, whatever the order of the rows.
    converged : bool
    message : str
    decrease : float
        Log-likelihood units that another step promises.
    n_evaluations, n_iterations : int
    singular : tuple of str
        One sentence for each singular term.
    capped : tuple of str
        Predictors that stopped at their ceiling, in some rows at least.
    caps : tuple of Cap
        These rows, where the predictor has a formula.
    spaces : Spaces or None
        Signed sums of the columns, which tell whether those of another fit to the same responses
        span more; None for fits that are not compared.
    null_spaces : tuple of NullSpace, or None
        What the rows leave open of the coefficients of each predictor, and with it of rows that
        are predicted. None in a fit that was stored before there were any.
    endless : tuple of str
        Predictors without a finite estimate: no response lies where they describe a probability.
    vanishing : tuple of float
        Masses of the family whose probability is estimated as 0 for that reason.
    approximation : Approximation
        Of the integral over the random effects, and which fixed effects are integrated out.
    log_volume : float
        What the units of fixed columns add to a restricted log likelihood; 0 in any other.
    units : Units
        In which the fit measured responses and linear predictors.
    equations : MixedModelEquations or None
        Of a linear mixed model, on the columns of the fit; None for all others, and without
        inference.
    coefficient_maps : tuple of ndarray, each of shape (p_k, p_k kept)
        From the coefficients of the fit to ``beta``, beside what these are where the former are 0.
    origins : tuple of ndarray, each of shape (p_k,)
        That is what they are there.
    constant_within : tuple of tuple of ndarray of bool, each of shape (p_k,)
        Which fixed columns are the same in all rows of a level of each factor, of each predictor;
        none without inference.
    priors : Priors
        Of single parameters, in the user's units: estimates are modes of the posterior density.
    log_prior : float
        Log density of these priors at the estimates; the log likelihood is without it.
    unconditioned : Fit or None
        This fit before the modes of its random effects took account of more rows, without their
        posterior: what degrees of freedom come from.
    effect_posterior : PosteriorNormal, PosteriorNodes or None
        What averages over the posterior of the random effects need; None if it was not asked for.
    joint_covariance : ndarray, shape (n_beta, n_beta), or None
        Of the coefficients of predictors with curves, given all else; None where that is a part of
        `uncertainty`.
    log_likelihood_std_error : float
        What chance may have done to the log likelihood, where the random effects are solved for by
        iterations; 0 where it is exact. With the same seed it is the same for all fits.
    plan : ProbePlan or None
        How such systems were solved in the search, so that its rows, given again, have the same
        log likelihood; None where they are factorized.
    """

    family: Family
    layout: Layout
    beta: tuple[Floats, ...]
    theta: tuple[Floats, ...]
    lambdas: tuple[Floats, ...]
    u: tuple[Floats, ...]
    bases: tuple[Floats, ...]
    aliased: tuple[tuple[int, ...], ...]
    uncertainty: Uncertainty | None
    recession: tuple[Floats, ...]
    infinities: tuple[Floats, ...]
    order: tuple[int, ...]
    posterior: Posterior | PaddedPosterior | None
    effect_information: EffectInformation | None
    mode_jacobian: tuple[Floats, ...] | None
    log_likelihood: float
    n_samples: int
    data_digest: str
    converged: bool
    message: str
    decrease: float
    n_evaluations: int
    n_iterations: int
    singular: tuple[str, ...]
    capped: tuple[str, ...]
    caps: tuple[Cap, ...]
    spaces: Spaces | None = None
    null_spaces: tuple[NullSpace, ...] | None = None
    endless: tuple[str, ...] = ()
    vanishing: tuple[float, ...] = ()
    approximation: Approximation = LAPLACE
    log_volume: float = 0.0
    units: Units = USER
    equations: MixedModelEquations | None = None
    coefficient_maps: tuple[Floats, ...] = ()
    origins: tuple[Floats, ...] = ()
    constant_within: tuple[tuple[Bools, ...], ...] = ()
    priors: Priors = NO_PRIORS
    log_prior: float = 0.0
    unconditioned: "Fit | None" = None
    effect_posterior: PosteriorNormal | PosteriorNodes | None = None
    joint_covariance: Floats | None = None
    log_likelihood_std_error: float = 0.0
    plan: ProbePlan | None = None

    @property
    def row_information(self) -> EffectInformation:
        """What the rows say of the spherical effects, by pairs of levels.

        Raises
        ------
        ValueError
            If the fit has not kept it.
        """
        if self.effect_information is None:
            msg = (
                "the random effects of this fit were solved for by iterations, and it has kept "
                "nothing of pairs of levels that new rows could be added to, as these are too "
                "many; fit to the old and the new rows together"
            )
            raise ValueError(msg)
        return self.effect_information

    @property
    def solver(self) -> Solver:
        """How systems of its rows, or of others, are to be solved."""
        return solver_of(self.plan)

    @property
    def original(self) -> "Fit":
        """The fit of the rows that the estimates come from."""
        return self if self.unconditioned is None else self.unconditioned

    @property
    def covariance(self) -> Floats | None:
        """Covariance of (beta, theta), (n_params, n_params); None if it was not asked for.

        NaN for parameters that are on a boundary or not determined, 0 for aliased coefficients.
        """
        return None if self.uncertainty is None else self.uncertainty.published

    @property
    def shape(self) -> Sizes:
        """Lengths of the parameter vector (beta, theta), aliased coefficients among them."""
        return Sizes(tuple(map(len, self.beta)), tuple(map(len, self.theta)))

    @property
    def n_params(self) -> int:
        """Number of estimated parameters; aliased coefficients do not count."""
        return self.shape.n_params - sum(len(columns) for columns in self.aliased)

    @property
    def integrated(self) -> tuple[int, ...]:
        """Predictors whose fixed effects the likelihood integrates out, as in REML."""
        return self.approximation.integrated

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2.0 * self.n_params - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's information criterion, with the number of rows."""
        return float(np.log(self.n_samples)) * self.n_params - 2.0 * self.log_likelihood

    def modes(self, f: int) -> Floats:
        """Conditional modes b of factor `f`, shape (k, L), on the linear predictor's scale."""
        return self.lambdas[f] @ self.u[f]
