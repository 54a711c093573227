"""A data set in the forms that scikit-learn's loaders give."""

from typing import Any

import pandas as pd
from sklearn.utils import Bunch

__all__ = ["presented"]


def presented(
    frame: pd.DataFrame, target: str, description: str, *, return_X_y: bool, as_frame: bool
) -> Any:
    """Return a Bunch, or the pair (data, target), of frames or arrays."""
    X, y = frame.drop(columns=target), frame[target]
    data, values = (X, y) if as_frame else (X.to_numpy(dtype=object), y.to_numpy())
    if return_X_y:
        return data, values
    return Bunch(
        data=data,
        target=values,
        frame=frame if as_frame else None,
        feature_names=list(X.columns),
        target_name=target,
        DESCR=description,
    )
