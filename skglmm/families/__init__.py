"""Distributions of the response: log densities with three derivatives, through links."""

from skglmm.families._base import Family, LogDensity, Support, through_links
from skglmm.families._beta import Beta

__all__ = ["Beta", "Family", "LogDensity", "Support", "through_links"]
