"""What a response is, and how it is read and written back."""

from skglmm.response.base import ResponseScale
from skglmm.response.interval import BoundedScale
from skglmm.response.support import Support

__all__ = ["BoundedScale", "ResponseScale", "Support"]
