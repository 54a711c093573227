"""What a response is, and how it is read and written back."""

from skglmm.response.base import ResponseScale
from skglmm.response.classes import ClassScale
from skglmm.response.counts import CountScale
from skglmm.response.interval import BoundedScale
from skglmm.response.labels import LabelScale
from skglmm.response.nominal import NominalScale
from skglmm.response.ordered import OrderedScale
from skglmm.response.positive import PositiveScale
from skglmm.response.real import RealScale
from skglmm.response.support import Support
from skglmm.response.trials import TrialScale

__all__ = [
    "BoundedScale",
    "ClassScale",
    "CountScale",
    "LabelScale",
    "NominalScale",
    "OrderedScale",
    "PositiveScale",
    "RealScale",
    "ResponseScale",
    "Support",
    "TrialScale",
]
