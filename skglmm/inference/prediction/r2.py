r"""Shares of the variance that fixed and random effects explain, on two scales.

On the scale of the response, by the law of total variance over rows x, effects b and responses,

.. math::  Var(y) = Var_x(E_b[\mu]) + E_x[Var_b(\mu)] + E_x[E_b[Var(y \mid x, b)]],

whose parts are those of the fixed effects, the random effects and the family. On the latent scale
the response is the working response of Fisher scoring, :math:`z = \eta + s / I`, with the score
s and the expected information I of the linear predictor: :math:`E[z \mid \eta] = \eta` and
:math:`Var(z \mid \eta) = 1 / I`, so that

.. math::  Var(z) = Var_x(x \beta) + E_x[z_x^T \Sigma z_x] + E_x[E_b[1 / I]].

Of classes, and of successes in trials, each trial by itself, the latent scale is that of the
variable whose thresholds a response tells of [1]_: its errors have the distribution whose function
is the inverse of the link, with the variance :math:`\pi^2 / 3` for the logit, 1 for the probit,
:math:`\pi^2 / 6` for the complementary log-log and the log-log link, and an infinite one for the
cauchit.

Where the mean is proportional to the exponential of its predictor, as with a log link, there are
three approximations of the latter variance besides, named after what the logarithm of a response is
taken for [1]_. With c the squared coefficient of variation of a response whose mean is that of all
rows they are c (the delta method), :math:`\log(1 + c)` (of a lognormal response) and
:math:`\psi'(1 / c)` (of a gamma response): with the mean :math:`\lambda`, c is
:math:`1 / \lambda` for a Poisson count, :math:`1 / \lambda + \alpha` for a negative binomial one of
quadratic variance, :math:`(1 + \alpha) / \lambda` of linear variance, the dispersion for a gamma
and :math:`\phi \lambda^{p - 2}` for a Tweedie response.

No part is negative: the nodes and the rows have positive weights, families write their variances
as sums of products of what is positive, and their information as means of squared scores. So a
share is a number from 0 to 1, or NaN where nothing varies or where two parts are infinite.

References
----------
.. [1] Nakagawa, S., Johnson, P. C. D. & Schielzeth, H. (2017). The coefficient of determination R2
   and intra-class correlation coefficient from generalized linear mixed-effects models revisited
   and expanded. Journal of the Royal Society Interface, 14(134), 20170213.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import polygamma

from skglmm.arrays import Floats, Ints
from skglmm.design import Design
from skglmm.families import Family
from skglmm.fitting import Fit
from skglmm.inference.parameters.own_units import in_own_units
from skglmm.inference.prediction.averages import averages
from skglmm.inference.prediction.predict import Plan, linear_predictors, shift_covariance, shift_of
from skglmm.inference.report.frames import Frame, named_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["R2_METHODS", "RSquared", "Shares", "r_squared"]

# Variances of the logarithm of a response, from its squared coefficient of variation.
OF_LOGS: dict[str, Callable[[Floats], Floats]] = {
    "delta": np.asarray,
    "lognormal": np.log1p,
    "trigamma": lambda c: np.asarray(polygamma(1, 1.0 / c)),
}
R2_METHODS = ("working", *OF_LOGS)
CLOSE = 1e-9  # relative error of a mean that is proportional to the exponential


@dataclass(frozen=True)
class Shares:
    """Parts of a variance.

    Parameters
    ----------
    fixed, random, residual : float
        Variance of the fixed effects, of the random effects, and of the family.
    """

    fixed: float
    random: float
    residual: float

    @property
    def marginal(self) -> float:
        """Share of the fixed effects, in [0, 1]; NaN where nothing varies."""
        return _share(self.fixed, self.random + self.residual)

    @property
    def conditional(self) -> float:
        """Share of the fixed and the random effects, in [0, 1]; NaN where nothing varies."""
        return _share(self.fixed + self.random, self.residual)

    @property
    def icc(self) -> float:
        """Share of the random effects in what the fixed effects leave, in [0, 1]; or NaN."""
        return _share(self.random, self.residual)


@dataclass(frozen=True, repr=False)
class RSquared(Printed):
    """Marginal and conditional R² and the intraclass correlation; prints as a table.

    Parameters
    ----------
    latent : Shares
        On the scale of the linear predictor of the mean.
    response : Shares
        On the scale of the response.
    method : str, default="working"
        How the residual variance of the former was found.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> r2 = model.r2(X, y)
    >>> print(f"{r2.latent.marginal:.2f} {r2.latent.conditional:.2f} {r2.latent.icc:.2f}")
    0.65 0.96 0.89
    """

    latent: Shares
    response: Shares
    method: str = "working"

    def to_frame(self) -> Frame:
        """Return one row for each scale.

        Returns
        -------
        DataFrame
            Columns marginal, conditional, icc, var_fixed, var_random, var_residual; the index
            is latent, response.
        """
        return named_frame({name: _row(shares) for name, shares in self._scales()})

    def _page(self) -> Page:
        return Page((self._table(),))

    def _scales(self) -> tuple[tuple[str, Shares], ...]:
        return ("latent", self.latent), ("response", self.response)

    def _table(self) -> Table:
        rows = tuple(
            (name, *(f"{share:.4f}" for share in (part.marginal, part.conditional, part.icc)))
            for name, part in self._scales()
        )
        heads = ("scale", "marginal R²", "conditional R²", "ICC")
        of = "" if self.method == "working" else f", residual variance by {self.method}"
        return Table(f"Explained variance{of}", heads, rows, 1)


def r_squared(
    fit: Fit,
    design: Design,
    weights: Floats | None = None,
    *,
    width: float = 1.0,
    method: str = "working",
) -> RSquared:
    """Return the shares of variance that the model explains of some rows [1]_ [2]_.

    Parameters
    ----------
    fit : Fit
    design : Design, n rows
        With the effects of all factors; levels are not looked at.
    weights : ndarray, shape (n,), or None
        A weight of 2 is the row twice.
    width : float
        Units of the response in one of the family's.
    method : {"working", "delta", "lognormal", "trigamma"}, default="working"
        Of the residual variance on the latent scale.

    Returns
    -------
    RSquared

    Raises
    ------
    ValueError
        For another method than "working" where the mean has no log link.

    References
    ----------
    .. [1] Nakagawa, S., Johnson, P. C. D. & Schielzeth, H. (2017). The coefficient of
       determination R² and intra-class correlation coefficient from generalized linear
       mixed-effects models revisited and expanded. Journal of the Royal Society Interface,
       14(134), 20170213.
    .. [2] Johnson, P. C. D. (2014). Extension of Nakagawa & Schielzeth's R²GLMM to random slopes
       models. Methods in Ecology and Evolution, 5(9), 944-946.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.design import learn
    >>> from skglmm.inference import r_squared
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP", bounds=(0, 100)).fit(X, y).fit_
    >>> _, design = learn(X, {"mean": "1 + EP", "precision": "1"})
    >>> print(f"{r_squared(fit, design).response.marginal:.3f}")
    0.497
    """
    location = fit.family.location
    unit, width = fit.units.size(location), width * fit.units.width
    fit, design = in_own_units(fit, design)
    plan = Plan.of(fit.layout, "marginal", "marginal")
    eta = linear_predictors(fit, design, plan.conditioned)
    variance = shift_covariance(fit, design, plan, location, location)
    mean, between, within, working = _averages(fit, design, plan, eta)
    mass = np.ones(design.n_samples) if weights is None else weights

    def average(values: Floats) -> float:
        return float(np.average(values, weights=mass))

    def spread(values: Floats) -> float:
        return average((values - average(values)) ** 2)

    if method != "working":
        working = _of_logs(fit.family, eta, average(mean), method)
    return RSquared(
        Shares(
            *(unit**2 * v for v in (spread(eta[location]), average(variance), average(working)))
        ),
        Shares(*(width**2 * v for v in (spread(mean), average(between), average(within)))),
        method,
    )


def _of_logs(family: Family, eta: Sequence[Floats], mean: float, method: str) -> Floats:
    """Variances of the logarithms of responses with a mean, and all else that rows have, (n,)."""
    here, k, place = family.mean(eta), family.location, list(eta)
    place[k] = eta[k] + 1.0
    if not np.allclose(family.mean(place), np.exp(1.0) * here, rtol=CLOSE, atol=0.0):
        msg = (
            f"method={method!r} is about the logarithm of y, and the mean of {family.title} does "
            "not grow in proportion to the exponential of its linear predictor, as it does with "
            "a log link and without truncation; method='working' is for all models"
        )
        raise ValueError(msg)
    place[k] = eta[k] + np.log(mean / here)
    return OF_LOGS[method](family.variance(place) / mean**2)


def _averages(fit: Fit, design: Design, plan: Plan, eta: list[Floats]) -> Floats:
    """Averages over the random effects, row by row, (4, n).

    Mean of the response, variance of its mean, mean of its variance, mean of that of the working
    response.
    """
    family, center = fit.family, fit.family.mean(eta)

    def moments(part: list[Floats], rows: Ints) -> Floats:
        off = family.mean(part) - center[rows]  # from near the mean: squares cost no digits
        information = family.location_information(part)
        known = family.latent_variance(part)
        # Without information a working response has no bounds.
        with np.errstate(divide="ignore", over="ignore"):
            working = 1.0 / information if known is None else known
        return np.stack([off, off**2, family.variance(part), working])

    off, square, within, working = averages(moments, eta, shift_of(fit, design, plan))
    return np.stack([center + off, np.maximum(square - off**2, 0.0), within, working])


def _share(part: float, rest: float) -> float:
    """Return the share of a part of a variance; of an infinite one the finite part has none."""
    if np.isinf(rest) and np.isfinite(part):
        return 0.0
    return part / (part + rest) if 0.0 < part + rest < np.inf else np.nan


def _row(shares: Shares) -> dict[str, float]:
    return {
        "marginal": shares.marginal,
        "conditional": shares.conditional,
        "icc": shares.icc,
        "var_fixed": shares.fixed,
        "var_random": shares.random,
        "var_residual": shares.residual,
    }
