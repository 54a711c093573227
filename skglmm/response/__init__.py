"""What a response is, and how it is read and written back."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
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
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.response.base": "ResponseScale",
            "skglmm.response.classes": "ClassScale",
            "skglmm.response.counts": "CountScale",
            "skglmm.response.interval": "BoundedScale",
            "skglmm.response.labels": "LabelScale",
            "skglmm.response.nominal": "NominalScale",
            "skglmm.response.ordered": "OrderedScale",
            "skglmm.response.positive": "PositiveScale",
            "skglmm.response.real": "RealScale",
            "skglmm.response.support": "Support",
            "skglmm.response.trials": "TrialScale",
        },
    )

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
