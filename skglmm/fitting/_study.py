"""The rows of a fit, standardized and bound once for any number of fits to them."""

from dataclasses import dataclass, replace

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design
from skglmm.families import Family
from skglmm.fitting._ahead import away
from skglmm.fitting._digest import digest
from skglmm.fitting._record import Fit
from skglmm.fitting._standardize import Standardization, standardize
from skglmm.laplace import Params, Problem, bind

__all__ = ["Study"]


@dataclass(frozen=True)
class Study:
    """Rows, ready to be fitted.

    Parameters
    ----------
    standard : Standardization
    problem : Problem
        On the standardized columns.
    y : ndarray, shape (n,)
        Response on the family's own scale, in the order of the design.
    weights : ndarray, shape (n,), or None
    log_jacobian : float
        Subtracted from the log likelihood, see `fit`.
    """

    standard: Standardization
    problem: Problem
    y: Floats
    weights: Floats | None
    log_jacobian: float

    @classmethod
    def of(
        cls,
        family: Family,
        design: Design,
        y: Floats,
        weights: Floats | None = None,
        log_jacobian: float = 0.0,
        n_threads: int = 1,
    ) -> "Study":
        """Standardize and bind the rows of a design."""
        standard = standardize(design, weights)
        problem = bind(standard.design, y, weights, family, n_threads=n_threads)
        return cls(standard, problem, y, weights, log_jacobian)

    def with_response(self, y: Floats) -> "Study":
        """Return the study with another response, shape (n,), for the same rows."""
        return replace(self, problem=self.problem.with_response(y), y=y)

    @property
    def data_digest(self) -> str:
        """Fingerprint of responses and weights, whatever the order of the rows."""
        return digest(self.y, self.weights, self.log_jacobian)

    @property
    def upper(self) -> Floats:
        """Upper bounds of the parameters, (n_params,): ceilings of the predictors' mean levels."""
        upper, start = np.full(self.problem.shape.n_params, np.inf), 0
        ceilings = self.problem.family.ceilings
        for x, ceiling in zip(self.standard.design.fixed, ceilings, strict=True):
            upper[start : start + x.shape[1]][np.all(x == 1.0, axis=0)] = ceiling
            start += x.shape[1]
        return upper

    def vector(self, fit: Fit) -> Floats:
        """Return the parameters of a fit to these rows on the standardized columns."""
        pairs = zip(self.standard.from_user, fit.beta, strict=True)
        return Params(tuple(back @ beta for back, beta in pairs), fit.theta).pack()

    def away(self, vector: Floats) -> Floats:
        """Return parameters without zero variances, from which any others can be reached."""
        return away(self.problem, vector)
