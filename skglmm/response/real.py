"""Real responses: any finite numbers."""

from dataclasses import dataclass
from typing import Any

from skglmm.response.base import ResponseScale

__all__ = ["RealScale"]


@dataclass(frozen=True)
class RealScale(ResponseScale):
    """Responses that may be any number, in the units of their user.

    Examples
    --------
    >>> from skglmm.response import RealScale
    >>> RealScale().described
    'a real response'
    """

    @property
    def described(self) -> str:
        return "a real response"

    def _refuse(self, y: Any) -> None:
        """Refuse nothing: finite numbers are all that it may be."""
