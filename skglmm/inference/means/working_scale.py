"""The scale on which averages are normal, and the way from it to the scale of responses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.means.averages_of_rows import has_location_mean
from skglmm.inference.means.functions import EstimatedFunctions
from skglmm.inference.parameters.own_units import user_parameter
from skglmm.inference.prediction.slopes import slope_in
from skglmm.links import Link
from skglmm.response import ResponseScale

__all__ = ["WorkingScale", "of_linear", "of_means"]


@dataclass(frozen=True, eq=False)
class WorkingScale:
    """What averages are on while they are compared: a link of means, or means themselves.

    Parameters
    ----------
    name : str
        Of the link; empty where averages are on the scale of what they are of.
    back : callable or None
        From numbers on the scale, (m,), to what they are of, with the slopes; None for the same.
    ratio : str
        Of what exponentiated differences are ratios: "odds", "means"; empty where of nothing.
    compares_response : bool
        Whether contrasts are differences of what the numbers are of, whatever the scale.
    """

    name: str = ""
    back: Callable[[Floats], tuple[Floats, Floats]] | None = None
    ratio: str = ""
    compares_response: bool = False

    def response(self, eta: Floats) -> tuple[Floats, Floats]:
        """Return what numbers, (m,), are of, with slopes; NaN of NaN."""
        if self.back is None:
            return eta, np.ones_like(eta)
        known = np.where(np.isnan(eta), np.nan, 1.0)  # links know no NaN
        value, slope = self.back(np.nan_to_num(eta))
        return known * value, known * slope


@dataclass(frozen=True, eq=False)
class OfLinear:
    """From linear predictors of the user to means on the scale of y."""

    fit: Fit
    scale: ResponseScale

    def __call__(self, eta: Floats) -> tuple[Floats, Floats]:
        fit, own, width = self.fit, self.fit.family.location, self.scale.width
        if has_location_mean(fit):
            value, slope = user_parameter(fit, own, eta)
            return self.scale.write(value), width * slope
        units, family = fit.units, fit.family
        rows = [np.full_like(eta, float(k in family.known)) for k in range(len(family.links))]
        rows[own] = (eta - units.shift(own)) / units.size(own)
        slope = slope_in(family.mean, rows, own) * units.width / units.size(own)
        return self.scale.write(units.user_response(family.mean(rows))), width * slope


@dataclass(frozen=True, eq=False)
class OfMeans:
    """From a link of means, as a fit measured them, to means on the scale of y."""

    link: Link
    fit: Fit
    scale: ResponseScale | None

    def __call__(self, eta: Floats) -> tuple[Floats, Floats]:
        value, _, (slope,), _ = self.link.inverse(eta, 1)
        if self.scale is None:
            return value, slope
        units = self.fit.units
        width = self.scale.width * (units.width if units.are_own else 1.0)
        return self.scale.write(units.user_response(value)), width * slope


def of_linear(fit: Fit, scale: ResponseScale) -> WorkingScale:
    """Return the scale of the linear predictor of the location, in units of the user.

    Parameters
    ----------
    fit : Fit
    scale : ResponseScale
    """
    link = fit.family.links[fit.family.location]
    if link.name == "identity":
        return WorkingScale("", OfLinear(fit, scale))
    ratio = RATIOS.get(link.ratio or "", "") if has_location_mean(fit) else ""
    return WorkingScale(link.name, OfLinear(fit, scale), ratio)


# What ratios are called, by what links say of what their differences are logarithms.
RATIOS = {"odds": "odds", "the parameter": "means", "hazards, log(1 - mu)": "hazards"}


def of_means(
    fit: Fit, found: EstimatedFunctions, link: Link, scale: ResponseScale | None
) -> tuple[EstimatedFunctions, WorkingScale]:
    """Return averages of means on the scale of a link, and that scale.

    Parameters
    ----------
    fit : Fit
        In the units of the user.
    found : EstimatedFunctions
        Means as the fit measured them.
    link : Link
    scale : ResponseScale or None
        Of the response; None for probabilities.
    """
    known = np.where(np.isnan(found.value), 0.5, found.value)
    eta = link.link_within(known)
    slope = link.inverse(eta, 1).slopes[0]
    steep = np.divide(1.0, slope, out=np.zeros_like(slope), where=slope != 0.0)
    moved = found.moved(np.where(np.isnan(found.value), np.nan, eta), steep)
    ratio = RATIOS.get(link.ratio or "", "")
    back = OfMeans(link, fit, scale)
    return moved, WorkingScale(link.name, back, ratio, compares_response=scale is None)
