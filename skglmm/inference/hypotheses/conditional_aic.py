r"""The conditional Akaike criterion, for questions about the levels at hand.

The criterion of the fit asks how well new levels would be predicted; the conditional one [1]_
asks it of new rows of the same levels: :math:`-2 \log f(y \mid \hat\beta, \hat u) + 2 (\rho +
s)`. The random effects count as parameters as far as the data, not their distribution, determine
them: with the Hessian :math:`H` of the penalized log density in :math:`(\beta, u)` and its share
D of the rows, without the prior, :math:`\rho = tr(H^{-1} D)`, and s is the number of covariance
parameters. For a normal response with known variances rho is the trace of the matrix that turns
y into its fitted values. D is observed, not expected, curvature.

That the variances are estimated is accounted for by s. Of a normal response with a linear mean it
is known exactly what it adds [2]_: this takes the place of s, and rho is the trace of the matrix
that turns y into its fitted values, and one for each coefficient of the scale; see `normal_df`.

References
----------
.. [1] Vaida, F. & Blanchard, S. (2005). Conditional Akaike information for mixed-effects models.
   Biometrika, 92(2), 351-370.
.. [2] Greven, S. & Kneib, T. (2010). On the behaviour of marginal and conditional AIC in linear
   mixed models. Biometrika, 97(4), 773-789.
"""

from dataclasses import dataclass

import numpy as np

from skglmm.engine import Mode, information, jacobian
from skglmm.fitting import Fit, Study
from skglmm.inference.hypotheses.normal_df import is_straight, normal_df
from skglmm.linalg import Blocks

__all__ = ["Conditional", "conditional_aic"]


@dataclass(frozen=True)
class Conditional:
    """What the conditional Akaike criterion is made of.

    Parameters
    ----------
    log_likelihood : float
        Of the response on its own scale, given the modes of the random effects.
    effective_df : float
        Fixed and random effects that the data determine, rho.
    variance_df : float
        What their estimated variances add: the number of covariance parameters, s, or, of a normal
        response, by how much fitted values follow responses through them.
    """

    log_likelihood: float
    effective_df: float
    variance_df: float

    @property
    def aic(self) -> float:
        """The criterion."""
        return 2.0 * (self.effective_df + self.variance_df - self.log_likelihood)


def conditional_aic(study: Study, fit: Fit) -> Conditional | None:
    """Return the parts of the conditional Akaike criterion.

    Parameters
    ----------
    study : Study
        Rows of `fit`.
    fit : Fit

    Returns
    -------
    Conditional or None
        None where the Hessian is singular.

    Raises
    ------
    ValueError
        If parameters have priors.
    """
    if fit.priors:
        msg = (
            "the conditional AIC is of estimates of maximum likelihood, and these have priors; "
            "fit with priors=None, or compare by cross-validation with log_density_scorer"
        )
        raise ValueError(msg)
    found = study.at(fit)
    if found is None:
        return None
    mode = found.mode
    penalty = study.problem.prior.halves(mode.point.u).total()
    df = _df(study, fit, mode)
    if df is None:
        return None
    log_likelihood = penalty - mode.point.value - study.bound.log_jacobian
    return Conditional(log_likelihood, *df)


def _df(study: Study, fit: Fit, mode: Mode) -> tuple[float, float] | None:
    """Effective degrees of freedom, and what estimated variances add to them."""
    shape = study.problem.shape
    if is_straight(fit):
        found = normal_df(study, fit)
        n_others = shape.n_beta - shape.n_coefficients[fit.family.location]
        return None if found is None else (found.given_variances + n_others, found.of_variances)
    free = _prior_share(study, mode)
    if free is None:
        return None
    n_effects = shape.n_beta + sum(k * n for k, n in study.problem.sizes)
    return n_effects - free, float(sum(map(len, fit.theta)))


def _prior_share(study: Study, mode: Mode) -> float | None:
    r"""Return what the prior determines of the effects, :math:`tr((H^{-1})_{uu})`.

    With the block of u and the moves J of the mode along the fixed effects, whose information
    is S, it is :math:`tr(H_{uu}^{-1}) + tr(S^{-1} J^T J)`.
    """
    problem = study.problem
    if not problem.order:
        return 0.0
    inverse = mode.system.inverse()
    every = np.arange(problem.n_crossed)
    own = float(inverse.crossed[every, every].sum()) + float(inverse.pieces.map(_trace).total())
    n_beta = problem.shape.n_beta
    moves = [part[:n_beta].reshape(n_beta, -1) for part in jacobian(problem, mode)]
    products = sum(move @ move.T for move in moves)
    try:
        shared = np.linalg.solve(information(problem, mode), products)
    except np.linalg.LinAlgError:
        return None
    return own + float(np.trace(shared))


def _trace(blocks: Blocks) -> float:
    return sum(float(np.einsum("aal->", own)) for own in blocks.own)
