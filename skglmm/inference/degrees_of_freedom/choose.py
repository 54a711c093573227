"""The choice of what estimates of fixed effects are compared with."""

from collections.abc import Callable

from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.between_within import BetweenWithin, Residual
from skglmm.inference.degrees_of_freedom.kenward_roger import KenwardRoger
from skglmm.inference.degrees_of_freedom.reference import Normal, Reference
from skglmm.inference.degrees_of_freedom.satterthwaite import Satterthwaite

__all__ = ["DF_METHODS", "reference"]

_METHODS: dict[str, Callable[[Fit], Reference]] = {
    "satterthwaite": Satterthwaite,
    "kenward-roger": KenwardRoger,
    "residual": Residual,
    "normal": Normal,
    "between-within": BetweenWithin,
}
DF_METHODS = ("auto", *_METHODS)
_LINEAR = ("satterthwaite", "kenward-roger")  # of linear mixed models only


def reference(fit: Fit, df: str = "auto") -> Reference:
    """Return what estimates of fixed effects are compared with.

    Parameters
    ----------
    fit : Fit
    df : {"auto", "satterthwaite", "kenward-roger", "residual", "normal", "between-within"}
        "auto" is Satterthwaite's for linear mixed models, the normal distribution otherwise.

    Raises
    ------
    ValueError
        When a method is for other models than this, or there are no standard errors.
    """
    if df == "auto":
        return Normal(fit) if fit.equations is None else Satterthwaite(fit)
    if fit.uncertainty is None and df != "normal":
        msg = f"df={df!r} needs standard errors, and this fit has none; fit with inference=True"
        raise ValueError(msg)
    if df in _LINEAR:
        _refuse_others(fit, df)
    return _METHODS[df](fit)


def _refuse_others(fit: Fit, df: str) -> None:
    if not len(fit.beta[fit.family.location]):
        msg = f"df={df!r} is for fixed effects of the mean, and this model has none"
        raise ValueError(msg)
    if fit.priors:
        msg = (
            f"df={df!r} is for estimates of maximum likelihood or REML, and these have priors; "
            "there are 'between-within', 'residual' and 'normal'"
        )
        raise ValueError(msg)
    if fit.equations is None:
        msg = (
            f"df={df!r} is for linear mixed models with one residual variance (LMMRegressor with "
            "the identity link and scale='1'); for others there are 'between-within', 'residual' "
            "and 'normal', and likelihood_ratio_test"
        )
        raise ValueError(msg)
    if df == "kenward-roger" and fit.family.location not in fit.integrated:
        msg = (
            "df='kenward-roger' corrects estimates by REML, and this fit is by maximum likelihood; "
            "fit with reml=True, or use df='satterthwaite'"
        )
        raise ValueError(msg)
