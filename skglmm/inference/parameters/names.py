"""Names of the parameters of a study, as users know them."""

import numpy as np

from skglmm.design import Factor, Layout
from skglmm.fitting import Study
from skglmm.inference.parameters.natural import correlation_name, sd_name

__all__ = ["coefficient_names", "parameter_names"]


def parameter_names(study: Study) -> tuple[str, ...]:
    """Return the name of each entry of the parameter vector.

    Coefficients are called as in tables. Entries of the factor of a covariance are called by what
    they govern: standard deviations on the diagonal, correlations below.
    """
    design = study.standard.design
    names = []
    for k, aliased in enumerate(study.standard.aliased):
        found = coefficient_names(design.layout, k)
        names += [name for j, name in enumerate(found) if j not in aliased]
    for factor in design.layout.factors:
        names += _covariance_names(factor)
    return tuple(names)


def coefficient_names(layout: Layout, k: int) -> list[str]:
    """Return the names of the coefficients of predictor k, those left out among them."""
    predictor, names = layout.predictors[k], list(layout.coefficients[k])
    if k and names == ["Intercept"] and not layout.is_shifted(k):
        return [predictor]
    return [f"{predictor}({name})" for name in names] if k else names


def _covariance_names(factor: Factor) -> list[str]:
    places = zip(*np.nonzero(factor.covariance.mask), strict=True)
    return [sd_name(factor, i) if i == j else correlation_name(factor, j, i) for i, j in places]
