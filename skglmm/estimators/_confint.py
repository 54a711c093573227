"""Confidence intervals of a fitted estimator."""

from typing import Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.estimators._validation import check_choice, check_inference, check_level
from skglmm.fitting import Fit

__all__ = ["ConfidenceIntervals"]


class ConfidenceIntervals:
    """Confidence intervals of a fitted mixed model, as a method."""

    fit_: Fit

    def confint(
        self,
        X: Any = None,  # noqa: ARG002 (the data are for other methods)
        y: Any = None,  # noqa: ARG002
        *,
        level: float = 0.95,
        method: str = "wald",
    ) -> pd.DataFrame:
        """Return confidence intervals for all parameters, on their natural scales.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features), default=None
            Not used by "wald", which needs no data.
        y : array-like, shape (n_samples,), default=None
            Not used by "wald".
        level : float, default=0.95
            Coverage, above 0 and below 1.
        method : {"wald"}, default="wald"
            Built on the log scale for standard deviations and the precision, on the atanh scale
            for correlations, and mapped back.

        Returns
        -------
        DataFrame
            One row for each parameter, named by the index: estimate, conf_low, conf_high; the
            ends are NaN on the boundary.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When `level` or `method` is none of the above, or the model was fitted with
            ``inference=False``.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.confint(level=0.9).round(3)
                               estimate  conf_low  conf_high
        Intercept                -5.182    -5.578     -4.787
        EP                        0.011     0.010      0.012
        precision               302.232   183.947    496.579
        sd(Intercept | batch)     0.515     0.352      0.755
        """
        check_is_fitted(self)
        check_inference(self.fit_)
        check_choice("method", method, ("wald",))
        check_level(level)
        return infer.interval_frame(infer.intervals(self.fit_, level))
