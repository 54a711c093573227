"""The outer parameters, and the one place where their vector is cut."""

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from skglmm.arrays import Floats

__all__ = ["Params", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """How long the pieces of the parameter vector are.

    Parameters
    ----------
    n_coefficients : tuple of int
        Number of fixed effects of each linear predictor.
    n_theta : tuple of int
        Number of covariance parameters of each grouping factor.
    """

    n_coefficients: tuple[int, ...]
    n_theta: tuple[int, ...]

    @property
    def n_beta(self) -> int:
        """Number of fixed effects of all predictors."""
        return sum(self.n_coefficients)

    @property
    def n_params(self) -> int:
        """Length of the vector."""
        return self.n_beta + sum(self.n_theta)


@dataclass(frozen=True)
class Params:
    """Fixed effects of each predictor and covariance parameters of each factor.

    Parameters
    ----------
    beta : tuple of ndarray, each of shape (p_k,)
    theta : tuple of ndarray, each of shape (n_theta_f,)
    """

    beta: tuple[Floats, ...]
    theta: tuple[Floats, ...]

    @classmethod
    def unpack(cls, vector: Floats, shape: Sizes) -> "Params":
        """Cut a vector, shape (n_params,), into its pieces."""
        lengths = (*shape.n_coefficients, *shape.n_theta)
        ends = list(accumulate(lengths, initial=0))
        pieces = [vector[start:end] for start, end in pairwise(ends)]
        n_predictors = len(shape.n_coefficients)
        return cls(tuple(pieces[:n_predictors]), tuple(pieces[n_predictors:]))

    def pack(self) -> Floats:
        """Return the vector (beta_0, ..., theta_0, ...)."""
        return np.concatenate([*self.beta, *self.theta])
