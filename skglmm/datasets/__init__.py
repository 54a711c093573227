"""Data to try mixed models on: simulated, shipped with the package, or fetched."""

from skglmm.datasets.dragons import make_dragons
from skglmm.datasets.fetch import fetch_dragons
from skglmm.datasets.petrol import load_petrol

__all__ = ["fetch_dragons", "load_petrol", "make_dragons"]
