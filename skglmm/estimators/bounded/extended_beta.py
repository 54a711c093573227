"""Extended-support beta mixed regression."""

from math import inf
from numbers import Real
from typing import Any

import numpy as np

from skglmm.estimators.base.bounded import BoundedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.families import ExtendedBeta, Family, FixedExtendedBeta

__all__ = ["ExtendedBetaGLMMRegressor"]


@mixed_model
class ExtendedBetaGLMMRegressor(BoundedRegressor):
    r"""Extended-support beta mixed regression: proportions that reach 0 and 1.

    What is measured is a beta variable that reaches beyond both bounds and is seen at the nearer
    bound where it is outside [3]_. It reaches beyond by u times the width, with u known, or
    exponentially distributed and averaged over, with a mean that is estimated. The predictor and
    the precision are those of the beta variable; `predict` gives the mean of the responses. The
    likelihood is maximized in its Laplace approximation [2]_.

    Parameters
    ----------
    $formula_and_groups
    $precision
    exceedance : float, default=None
        By how much the beta variable reaches beyond each bound, in widths of the bounds, if it is
        known. None averages over an exponential distribution and estimates its mean.
    $link_and_bounds
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $precision_coefficients
    exceedance_ : float
        The exceedance, or the mean of its distribution, in widths of the bounds.
    $boundary_results
    $results

    References
    ----------
    $references
    .. [3] Kosmidis, I. & Zeileis, A. (2026). Extended-support beta regression for [0, 1]
       responses. Journal of the Royal Statistical Society, Series C, 75(1), 139-157.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import ExtendedBetaGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(list("abcdefghij"), 30)})
    >>> eta = 0.5 * X["x"] + rng.normal(size=10)[X["g"].factorize()[0]]
    >>> y = rng.beta(8 / (1 + np.exp(-eta)), 8 / (1 + np.exp(eta)))
    >>> y = np.clip(1.2 * y - 0.1, 0.0, 1.0)
    >>> model = ExtendedBetaGLMMRegressor("x + (1 | g)", exceedance=0.1).fit(X, y)
    >>> model.predict_proba_boundary(X.head(1)).round(2)
       lower  interior  upper
    0    0.0      0.85   0.15
    """

    _family = ExtendedBeta()

    precision: str = "1"
    exceedance: float | None = None

    def _make_family(self) -> Family:
        family = super()._make_family()
        if self.exceedance is None:
            return family
        _check_exceedance(self.exceedance)
        return FixedExtendedBeta(links=family.links[:2], exceedance=float(self.exceedance))

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        estimated = [float(np.exp(part[0])) for part in self.fit_.beta[2:]]
        self.exceedance_ = estimated[0] if estimated else float(self.exceedance or 0.0)


def _check_exceedance(exceedance: Any) -> None:
    if not isinstance(exceedance, Real) or not 0 < float(exceedance) < inf:
        msg = (
            f"exceedance={exceedance!r} must be None, which estimates it, or a positive number, "
            "in widths of the bounds, such as 0.1"
        )
        raise ValueError(msg)
