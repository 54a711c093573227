"""One thing for each shard of the rows, wherever the shard is: here, in threads, elsewhere."""

from skglmm.parts.crew import Crew, can_start_processes
from skglmm.parts.dask import Remote, connected, is_dask
from skglmm.parts.here import Here, Parts, added
from skglmm.parts.owned import Owned

__all__ = [
    "Crew",
    "Here",
    "Owned",
    "Parts",
    "Remote",
    "added",
    "can_start_processes",
    "connected",
    "is_dask",
]
