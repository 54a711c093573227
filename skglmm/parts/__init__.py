"""One thing for each shard of the rows, wherever the shard is: here, in threads, elsewhere."""

from skglmm.parts.dask import Remote, connected, is_dask
from skglmm.parts.here import Here, Parts, added

__all__ = ["Here", "Parts", "Remote", "added", "connected", "is_dask"]
