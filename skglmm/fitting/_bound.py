"""A problem, and what leads from its parameters back to the user's units."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Layout
from skglmm.fitting._ahead import away
from skglmm.fitting._record import Fit
from skglmm.fitting._spaces import Spaces
from skglmm.fitting._standardize import Scales
from skglmm.laplace import Params, Problem

__all__ = ["Bound", "masses_in"]


@dataclass(frozen=True)
class Bound:
    """Rows on standardized columns, wherever they are, ready to be fitted.

    Parameters
    ----------
    problem : Problem
    scales : Scales
        From the user's columns to those of the problem.
    layout : Layout
        Names of the user's columns and levels.
    n_samples : int
    data_digest : str
        Fingerprint of responses and weights, see `digest`.
    log_jacobian : float
        Subtracted from the log likelihood, see `fit`.
    spaces : Spaces or None
        What the columns span; None for what is not to be compared, such as simulated responses.
    masses : frozenset of float
        Those of the family that occur among the responses.
    """

    problem: Problem
    scales: Scales
    layout: Layout
    n_samples: int
    data_digest: str
    log_jacobian: float
    masses: frozenset[float]
    spaces: Spaces | None = None

    @property
    def endless(self) -> tuple[int, ...]:
        """Linear predictors without a finite estimate: they describe masses that do not occur."""
        return self.problem.family.endless_predictors(self.masses)

    @property
    def upper(self) -> Floats:
        """Upper bounds of the parameters, (n_params,): ceilings of the predictors' mean levels."""
        upper = np.full(self.problem.shape.n_params, np.inf)
        pairs = zip(self.scales.constant, self.problem.family.ceilings, strict=True)
        ceilings = [np.where(constant, ceiling, np.inf) for constant, ceiling in pairs]
        upper[: self.problem.shape.n_beta] = np.concatenate(ceilings)
        return upper

    def vector(self, fit: Fit) -> Floats:
        """Return the parameters of a fit to these rows on the standardized columns."""
        pairs = zip(self.scales.from_user, fit.beta, strict=True)
        return Params(tuple(back @ beta for back, beta in pairs), fit.theta).pack()

    def away(self, vector: Floats) -> Floats:
        """Return parameters without zero variances, from which any others can be reached."""
        return away(self.problem, vector)


def masses_in(y: Floats, masses: Collection[float]) -> frozenset[float]:
    """Return those of a family's masses that occur among responses on its own scale."""
    return frozenset(mass for mass in masses if np.any(y == mass))
