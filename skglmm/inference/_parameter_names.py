"""Names of the parameters of a study, as users know them."""

import numpy as np

from skglmm.design import Factor
from skglmm.fitting import Study
from skglmm.inference._natural import correlation_name, sd_name

__all__ = ["parameter_names"]


def parameter_names(study: Study) -> tuple[str, ...]:
    """Return the name of each entry of the parameter vector.

    Coefficients are called as in tables. Entries of the factor of a covariance are called by what
    they govern: standard deviations on the diagonal, correlations below.
    """
    design = study.standard.design
    names = []
    for k, (predictor, columns) in enumerate(
        zip(design.layout.predictors, design.layout.coefficients, strict=True)
    ):
        kept = [name for j, name in enumerate(columns) if j not in study.standard.aliased[k]]
        if k and kept == ["Intercept"] and not design.layout.is_shifted(k):
            kept = [predictor]
        elif k:
            kept = [f"{predictor}({name})" for name in kept]
        names += kept
    for factor in design.layout.factors:
        names += _covariance_names(factor)
    return tuple(names)


def _covariance_names(factor: Factor) -> list[str]:
    places = zip(*np.nonzero(factor.covariance.mask), strict=True)
    return [sd_name(factor, i) if i == j else correlation_name(factor, j, i) for i, j in places]
