"""Names of the parameters of a study, as users know them."""

from skglmm.design import Layout
from skglmm.fitting import Study

__all__ = ["coefficient_names", "parameter_names"]


def parameter_names(study: Study) -> tuple[str, ...]:
    """Return the name of each entry of the parameter vector.

    Coefficients are called as in tables, parameters of a covariance by what they govern.
    """
    design = study.design
    names = []
    for k, aliased in enumerate(study.scales.aliased):
        found = coefficient_names(design.layout, k)
        names += [name for j, name in enumerate(found) if j not in aliased]
    for factor in design.layout.factors:
        names += factor.covariance.names(factor.effect_names)
    return tuple(names)


def coefficient_names(layout: Layout, k: int) -> list[str]:
    """Return the names of the coefficients of predictor k, those left out among them."""
    predictor, names = layout.predictors[k], list(layout.coefficients[k])
    if k and names == ["Intercept"] and not (layout.all_named or layout.is_shifted(k)):
        return [predictor]
    return layout.labels(k)
