"""Estimates in the user's units that are numbers, or an error."""

import numpy as np

from skglmm.exceptions import DesignError
from skglmm.fitting.record import Fit

__all__ = ["finite"]


def finite(fit: Fit) -> Fit:
    """Return a fit whose estimates are finite; columns of extreme units have others.

    Raises
    ------
    DesignError
        When a coefficient, a standard deviation or the log likelihood is not finite.
    """
    names = [
        name
        for coefficients, beta in zip(fit.layout.coefficients, fit.beta, strict=True)
        for name in np.array(coefficients, dtype=object)[~np.isfinite(beta)]
    ]
    names += [
        f"{name} | {factor.name}"
        for factor, root in zip(fit.layout.factors, fit.roots, strict=True)
        for name in np.array(factor.columns, dtype=object)[~np.isfinite(root).all(axis=1)]
    ]
    if names or not np.isfinite(fit.log_likelihood):
        what = f"of {names[0]!r} " if names else ""
        msg = (
            f"the estimate {what}is not finite: the numbers of its column are too large or too "
            "small; bring the columns to ordinary units"
        )
        raise DesignError(msg)
    return fit
