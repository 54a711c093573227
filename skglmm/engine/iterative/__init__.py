"""Systems of random effects that are too large for a dense matrix: solved by iterations."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.engine.iterative.sketch import CrossedInverse
    from skglmm.engine.iterative.system import iterative_system
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.engine.iterative.sketch": "CrossedInverse",
            "skglmm.engine.iterative.system": "iterative_system",
        },
    )

__all__ = ["CrossedInverse", "iterative_system"]
