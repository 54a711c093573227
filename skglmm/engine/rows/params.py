"""The parameter vector (beta, theta): its pieces, packed and unpacked."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

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
        return self.betas[k]

    def theta(self, f: int) -> slice:
        """Return where the covariance parameters of factor f are."""
        return self.thetas[f]

    @cached_property
    def n_beta(self) -> int:
        """Number of fixed effects of all predictors."""
        return sum(self.n_coefficients)

    @cached_property
    def n_params(self) -> int:
        """Length of the vector."""
        return self.n_beta + sum(self.n_theta)

    @cached_property
    def betas(self) -> list[slice]:
        """Where the fixed effects of each predictor are."""
        return _slices(self.n_coefficients, 0)

    @cached_property
    def thetas(self) -> list[slice]:
        """Where the covariance parameters of each factor are."""
        return _slices(self.n_theta, self.n_beta)


def _slices(lengths: tuple[int, ...], start: int) -> list[slice]:
    """Places of pieces, one after the other."""
    ends = list(accumulate(lengths, initial=start))
    return [slice(*pair) for pair in pairwise(ends)]


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
        beta = tuple([vector[own] for own in shape.betas])
        return cls(beta, tuple([vector[own] for own in shape.thetas]))

    def pack(self) -> Floats:
        """Return the vector (beta_0, ..., theta_0, ...)."""
        return np.concatenate([*self.beta, *self.theta])
