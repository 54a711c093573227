"""Random numbers from any source that scikit-learn accepts."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

__all__ = ["generator"]


def generator(random_state: Any) -> np.random.Generator:
    """Return a generator from an int, a RandomState, a generator, or None."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    legacy = check_random_state(random_state)
    return np.random.default_rng(legacy.randint(2**32, dtype=np.uint32))
