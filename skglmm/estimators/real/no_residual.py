"""Linear mixed models without a residual: repeated measures whose covariance is a structure's."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.engine import Approximation
from skglmm.exceptions import DesignError
from skglmm.families import Family
from skglmm.fitting import Fit, LeftOut, Options, Study, fit, left_out, refit_with
from skglmm.priors import Priors

__all__ = ["LoneRows", "leaves_out", "refuse_nothing", "refuse_others", "without_residual"]


def leaves_out(scale: Any) -> bool:
    """Return whether a formula of the scale is ``0`` alone."""
    return isinstance(scale, str) and "".join(scale.split()).removeprefix("~") == "0"


def refuse_nothing(spec: DesignSpec, k: int, scale: str) -> None:
    """Refuse a formula of the scale, predictor k, that is empty but for its spelling, as ``-1``."""
    layout = spec.layout
    fed = {each for factor in layout.factors for each in factor.predictors}
    if layout.coefficients[k] or k in fed or spec.offset_parts[k].keys or spec.added[k] is not None:
        return
    msg = (
        f"scale={scale!r} has no terms, and would fix the residual standard deviation at 1; write "
        "scale='1' to estimate it, scale='0' to leave the residual out, or scale='0 + "
        "offset(log(sd))' if it is known"
    )
    raise DesignError(msg)


def without_residual(
    spec: DesignSpec, design: Design, y: Floats, weights: Floats | None, family: Family
) -> tuple[DesignSpec, Design]:
    """Return a design, and the spec of others like it, whose random effects are the residual.

    Parameters
    ----------
    spec : DesignSpec
    design : Design
    y : ndarray, shape (n,)
    weights : ndarray, shape (n,), or None
    family : Family
        The normal one.

    Raises
    ------
    DesignError
        When rows have weights, or the mean another link than the identity; see `left_out`.
    """
    if not family.is_normal:
        link = family.links[family.location].name
        msg = (
            f"scale='0' leaves the residual out, which random effects are added to on the scale of "
            f"the response: that needs link='identity', got {link!r}"
        )
        raise DesignError(msg)
    if weights is not None and np.any(weights != 1.0):
        msg = (
            "sample_weight multiplies the log density of a row given the random effects, and with "
            "scale='0' that is no part of the model; weights may be 0 and 1 only. A subject that "
            "counts twice is there twice, under two names"
        )
        raise DesignError(msg)
    k = family.scale
    found = left_out(design, y, family.location, k)
    spec = replace(spec, layout=found.layout, added=found.offsets(spec.added, k))
    return spec, found.applied(design, k)


@dataclass(frozen=True)
class LoneRows:
    """Rows without a residual, and how they are fitted.

    Parameters
    ----------
    family : Family
    design : Design
    y : ndarray, shape (n,)
    approximation : Approximation
    options : Options
    priors : Priors
    """

    family: Family
    design: Design
    y: Floats
    approximation: Approximation
    options: Options
    priors: Priors

    def fit(self, log_sd: float, *, inference: bool) -> Fit:
        """Fit twice: a little is taken off covariances at first, and then as much as they bear.

        Parameters
        ----------
        log_sd : float
            Linear predictor of the residual in the design.
        inference : bool
            Whether to compute the covariance of the estimates, from the second fit.
        """
        before = fit(
            self.family,
            self.design,
            self.y,
            inference=False,
            options=self.options,
            approximation=self.approximation,
            priors=self.priors,
        )
        if not inference:
            return before
        found = LeftOut(self.design.layout, log_sd).eased(before.theta, before.layout)
        easier = self._study(found.applied(self.design, self.family.scale))
        return refit_with(self._study(self.design), before, easier, self.options)

    def _study(self, design: Design) -> Study:
        return Study.of(
            self.family,
            design,
            self.y,
            n_threads=self.options.n_threads,
            approximation=self.approximation,
            whole=self.options.averages,
            priors=self.priors,
            solver=self.options.solver,
        )


def refuse_others(what: str) -> None:
    """Refuse what does not know the responses of all rows before it reads formulas."""
    msg = (
        f"scale='0', without a residual, is not available for {what}; fit each response of rows in "
        "memory"
    )
    raise ValueError(msg)
