"""Generalized linear mixed regression with any family."""

from collections.abc import Mapping
from typing import Any

from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.families import Family, Gaussian, Support
from skglmm.response import BoundedScale, CountScale, PositiveScale, RealScale, ResponseScale

__all__ = ["GLMMRegressor"]


@mixed_model
class GLMMRegressor(MixedRegressor):
    r"""Generalized linear mixed regression with the family that is passed.

    For searches over families, and for families of your own. Each family of numbers has an
    estimator that says what its parameters mean and has methods of its own, such as
    `PoissonGLMMRegressor`; this one has what all of them share [1]_.

    Parameters
    ----------
    $formula_and_groups
    family : Family, default=None
        An instance out of `skglmm.families`, such as ``Poisson()``, ``Hurdle(Gamma())``, or one
        of a class of your own; None is ``Gaussian()``, by maximum likelihood.
    predictors : dict of str to str, default=None
        One-sided formulas of the linear predictors beside that of the location, by name, such as
        ``{"dispersion": "x", "zero": "1 + (1 | g)"}``; those that are left out are one number.
    $quadrature
    link : str, default=""
        Link of the location, by name; empty keeps that of the family.
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $results

    Raises
    ------
    TypeError
        When `family` is no instance of a family.

    References
    ----------
    .. [1] Bolker, B. M. et al. (2009). Generalized linear mixed models: a practical guide for
       ecology and evolution. Trends in Ecology & Evolution, 24(3), 127-135.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import GLMMRegressor
    >>> from skglmm.families import Poisson, ZeroInflated
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "g": np.arange(300) // 10})
    >>> y = rng.poisson(np.exp(1 + 0.5 * X["x"] + rng.normal(0, 0.5, 30)[X["g"]]))
    >>> y[rng.random(300) < 0.2] = 0
    >>> for family in (Poisson(), ZeroInflated(Poisson())):
    ...     model = GLMMRegressor("x + (1 | g)", family=family).fit(X, y)
    ...     print(f"{model.aic_:.0f}")
    1232
    1101
    """

    family: Family | None = None
    predictors: Mapping[str, str] | None = None
    n_quadrature: int = 1
    link: str = ""

    def _make_family(self) -> Family:
        family = Gaussian() if self.family is None else self.family
        if not isinstance(family, Family):
            given = f"the class {family.__name__}" if isinstance(family, type) else repr(family)
            msg = (
                f"family={given} is no instance of a family; write one such as "
                "family=Poisson(), from skglmm.families import Poisson"
            )
            raise TypeError(msg)
        if family.known or family.is_unordered or family.support == BINARY:
            msg = (
                f"{family.title} has responses that are no plain numbers; take the estimator of "
                "it, such as BinomialGLMMClassifier, BinomialGLMMRegressor or OrdinalGLMMClassifier"
            )
            raise ValueError(msg)
        self._check_predictors(family)
        return _linked(family, self.link) if self.link else family

    def _check_predictors(self, family: Family) -> None:
        own = [name for name in family.predictors if name != family.predictors[family.location]]
        for name in self.predictors or {}:
            if name not in own:
                known = ", ".join(map(repr, own)) or "none"
                msg = (
                    f"predictors= has a formula of {name!r}; beside that of formula= the family "
                    f"{family.title} has {known}"
                )
                raise ValueError(msg)

    def _formula_of(self, predictor: str) -> Any:
        return (self.predictors or {}).get(predictor, "1")

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> ResponseScale:
        support = family.support
        if support.is_discrete:
            return CountScale(least=int(support.low))
        if support.ends == (0.0, 1.0):
            return BoundedScale(0.0, 1.0, "error", family.masses)
        if support.low == 0.0:
            return PositiveScale(zero=bool(family.masses))
        return RealScale()


BINARY = Support(0.0, 1.0, "counts")


def _linked(family: Family, name: str) -> Family:
    """Return the family with another link of its location, by name."""
    links = {link.name: link for link in family.parameters[family.location].links}
    if name not in links:
        known = ", ".join(map(repr, links))
        msg = f"link={name!r} is unknown, expected one of {known} for {family.title}"
        raise ValueError(msg)
    return family.with_link(links[name])
