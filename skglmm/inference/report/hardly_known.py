"""Parameters that the data hardly determine, of whose Wald statistics little is to be had."""

from collections.abc import Collection, Iterator

import numpy as np

from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.reference import FEWEST, Reference
from skglmm.inference.parameters.natural import Natural, coefficients, end_of_range, natural
from skglmm.inference.parameters.wald import estimated_df, half_width, with_errors

__all__ = ["far_limits", "scarce_df"]

SHOWN_BELOW = 0.995  # degrees of freedom, that tables show as less than 1.00
FAR = 100.0  # times the estimate: no data have both the smaller and the larger of such limits
LEVEL = 0.95


def scarce_df(against: Reference, names: Collection[str] | None = None) -> Iterator[str]:
    """Say which fixed effects have fewer degrees of freedom than count.

    Parameters
    ----------
    against : Reference
    names : collection of str, default=None
        Of the parameters of interest; None are all.
    """
    if not against.has_df:
        return
    fit = against.fit
    asked = [
        parameter
        for k in fit.family.locations
        for parameter in coefficients(fit, k)
        if names is None or parameter.name in names
    ]
    found = zip(asked, estimated_df(against, asked), strict=True)
    few = [f"{parameter.name} ({df:.2g})" for parameter, df in found if df < SHOWN_BELOW]
    if few:
        yield (
            f"degrees of freedom below {FEWEST:g}, which count as {FEWEST:g} ({against.title}): "
            f"{', '.join(few)}. The data hardly determine the variances that the standard errors "
            "rest on; confint(X, y, method='profile') does without"
        )


def far_limits(fit: Fit, names: Collection[str]) -> Iterator[str]:
    """Say which positive parameters have limits of Wald that are far from everything.

    The likelihood of a standard deviation has a finite limit at 0, and that of a range at both of
    its ends, so that on the log scale it is a parabola near its maximum only.

    Parameters
    ----------
    fit : Fit
    names : collection of str
        Of the parameters of interest.
    """
    asked = [parameter for parameter in natural(fit) if parameter.name in names]
    reaches = (
        (parameter.name, half_width(LEVEL) * error / parameter.value)
        for parameter, error in with_errors(fit, asked)
        if _is_log(parameter)
    )
    far = [name for name, reach in reaches if reach > np.log(FAR)]
    if far:
        yield (
            f"{', '.join(far)}: limits of Wald are more than {FAR:g} times smaller and larger than "
            "the estimate, as the data hardly determine them. They rest on the curvature at the "
            "estimate, which says nothing of what is so far; confint(X, y, method='profile') "
            "follows the likelihood"
        )


def _is_log(parameter: Natural) -> bool:
    """Return whether intervals of a parameter are made on the log scale."""
    if not parameter.value > 0.0 or end_of_range(parameter, -1.0) != 0.0:
        return False
    return bool(np.isclose(parameter.slope * parameter.value, 1.0))
