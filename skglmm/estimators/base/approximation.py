"""The approximation that an estimator's parameters ask for."""

from typing import Any

from skglmm.engine import AdaptiveQuadrature, Approximation, Laplace
from skglmm.estimators.reading.validation import check_count

__all__ = ["laplace_or_quadrature"]


def laplace_or_quadrature(n_quadrature: Any) -> Approximation:
    """Return adaptive quadrature with so many points for each effect; with one it is Laplace's."""
    check_count("n_quadrature", n_quadrature)
    return Laplace() if n_quadrature == 1 else AdaptiveQuadrature(int(n_quadrature))
