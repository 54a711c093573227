"""The parameter vector (beta, theta): its pieces, packed and unpacked."""

from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats

__all__ = ["Params", "Sizes"]


@dataclass(frozen=True)
class Sizes:
    """Numbers of fixed effects and of covariance parameters: where each is in the vector.

    Parameters
    ----------
    n_coefficients : tuple of int
        Number of fixed effects of each linear predictor.
    n_theta : tuple of int
        Number of covariance parameters of each grouping factor.
    """

    n_coefficients: tuple[int, ...]
    n_theta: tuple[int, ...]

    def beta(self, k: int) -> slice:
        """Return where the fixed effects of predictor k are in the vector."""
        start = sum(self.n_coefficients[:k])
        return slice(start, start + self.n_coefficients[k])

    def theta(self, f: int) -> slice:
        """Return where the covariance parameters of factor f are."""
        start = self.n_beta + sum(self.n_theta[:f])
        return slice(start, start + self.n_theta[f])

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
        beta = [vector[shape.beta(k)] for k in range(len(shape.n_coefficients))]
        theta = [vector[shape.theta(f)] for f in range(len(shape.n_theta))]
        return cls(tuple(beta), tuple(theta))

    def pack(self) -> Floats:
        """Return the vector (beta_0, ..., theta_0, ...)."""
        return np.concatenate([*self.beta, *self.theta])
