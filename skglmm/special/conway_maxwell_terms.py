"""The terms of Conway-Maxwell-Poisson log probabilities of many rows: solved, or interpolated."""

import numpy as np

from skglmm.arrays import Floats
from skglmm.special.conway_maxwell import Base, Terms, base_of, solve_terms

__all__ = ["terms_of"]


def terms_of(mean: Floats, log_dispersion: Floats, order: int) -> tuple[Base, Terms]:
    """Return the bases and the terms of some rows, see `solve_terms`.

    Parameters
    ----------
    mean, log_dispersion : ndarray of shape (n,) or (1,)
    order : {0, 1, 2, 3}
    """
    mean, log_dispersion = np.broadcast_arrays(mean, log_dispersion)
    base = base_of(mean, log_dispersion)
    return base, solve_terms(mean, log_dispersion, base, order)
