"""One model for many responses: genes, voxels, items."""

from skglmm.multioutput.fit_many import fit_many

__all__ = ["fit_many"]
