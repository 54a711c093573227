"""Scorers as scikit-learn's tools take them, with metadata routing."""

from abc import ABC, abstractmethod
from typing import Any, Self

from sklearn import get_config
from sklearn.utils.metadata_routing import MetadataRequest

__all__ = ["Scorer"]


class Scorer(ABC):
    """A callable ``scorer(estimator, X, y, sample_weight=None)`` that may ask for weights.

    Examples
    --------
    >>> from skglmm.model_selection import log_density_scorer
    >>> log_density_scorer()
    log_density_scorer(joint=True)
    """

    def __init__(self) -> None:
        self._request: bool | str | None = None  # of sample_weight

    @abstractmethod
    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of rows, higher is better."""

    def set_score_request(self, *, sample_weight: bool | str | None) -> Self:
        """Say whether the scorer wants weights, for scikit-learn's metadata routing.

        Parameters
        ----------
        sample_weight : bool, str or None
            Whether it wants those that are passed as `sample_weight`, or under another name;
            None, as in the beginning, makes passing them an error.

        Returns
        -------
        Scorer
            The scorer itself.

        Raises
        ------
        RuntimeError
            When metadata routing is off.
        """
        if not get_config()["enable_metadata_routing"]:
            msg = (
                "set_score_request is for metadata routing, which is off; turn it on with "
                "sklearn.set_config(enable_metadata_routing=True)"
            )
            raise RuntimeError(msg)
        self._request = sample_weight
        return self

    def get_metadata_routing(self) -> Any:
        """Return the request for weights.

        Returns
        -------
        MetadataRequest
            As scikit-learn asks for it.
        """
        request = MetadataRequest(owner=repr(self))
        request.score.add_request(param="sample_weight", alias=self._request)
        return request

    def _accept_sample_weight(self) -> bool:
        """Answer searches with several scores, which ask each without routing."""
        return True
