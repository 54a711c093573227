"""Bases of smooth terms: regression splines as mixed models."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.bases.basis import Basis
    from skglmm.bases.learn import learn_basis
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.bases.basis": "Basis",
            "skglmm.bases.learn": "learn_basis",
        },
    )

__all__ = ["Basis", "learn_basis"]
