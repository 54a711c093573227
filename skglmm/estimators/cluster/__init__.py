"""Fits whose rows stay on the workers of a dask cluster."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.estimators.cluster.cluster import cluster_rows
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.estimators.cluster.cluster": "cluster_rows",
        },
    )

__all__ = ["cluster_rows"]
