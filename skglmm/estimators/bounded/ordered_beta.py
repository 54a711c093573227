"""Ordered beta mixed regression."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.estimators.base.bounded import BoundedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.validation import check_level
from skglmm.families import OrderedBeta

__all__ = ["OrderedBetaGLMMRegressor"]


@mixed_model
class OrderedBetaGLMMRegressor(BoundedRegressor):
    r"""Ordered beta mixed regression: proportions that may be exactly 0 or 1, with one predictor.

    One linear predictor :math:`\eta` moves the mean of what lies between the bounds and, past two
    cut points, the probabilities of the bounds [3]_: with the standard logistic distribution
    function F, :math:`P(low) = F(c_0 - \eta)` and :math:`P(high) = F(\eta - c_1)`. `predict` gives
    the mean of all responses, those on the bounds among them. The likelihood is maximized in its
    Laplace approximation [2]_.

    Parameters
    ----------
    $formula_and_groups
    $precision
    $link_and_bounds
    $reml
    $others

    Attributes
    ----------
    $coefficients
    $precision_coefficients
    cut_points_ : ndarray, shape (2,)
        The cut points, on the scale of the linear predictor, increasing.
    lower_cut_coef_, cut_gap_coef_ : ndarray, shape (1,)
        The lower cut point, and the logarithm of the distance to the upper one.
    $boundary_results
    $results

    References
    ----------
    $references
    .. [3] Kubinec, R. (2023). Ordered beta regression: a parsimonious, well-fitting model for
       continuous data with lower and upper bounds. Political Analysis, 31(4), 519-536.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import OrderedBetaGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=300), "g": np.repeat(list("abcdefghij"), 30)})
    >>> eta = 0.5 * X["x"] + rng.normal(size=10)[X["g"].factorize()[0]]
    >>> y = rng.beta(8 / (1 + np.exp(-eta)), 8 / (1 + np.exp(eta)))
    >>> y = np.clip(1.2 * y - 0.1, 0.0, 1.0)
    >>> model = OrderedBetaGLMMRegressor("x + (1 | g)").fit(X, y)
    >>> model.cut_points_.round(1)
    array([-3.3,  4.1])
    """

    _family = OrderedBeta()

    precision: str = "1"

    def cut_points(self, level: float = 0.95) -> pd.DataFrame:
        """Return the cut points with standard errors and limits.

        Parameters
        ----------
        level : float, default=0.95
            Coverage of the Wald intervals, above 0 and below 1.

        Returns
        -------
        DataFrame
            Rows lower and upper; columns estimate, std_error, conf_low, conf_high, on the scale of
            the linear predictor. The upper cut point is the lower one plus a gap, and has its
            standard error by the delta method. Both are missing without inference. Where no
            response lies on the bound behind a cut point, that is at infinity: it has no standard
            error, and of its limits the infinite one alone.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            For a wrong `level`.

        Examples
        --------
        >>> from skglmm import OrderedBetaGLMMRegressor
        >>> from skglmm.datasets import make_dragons
        >>> X, y = make_dragons(random_state=0, return_X_y=True)
        >>> model = OrderedBetaGLMMRegressor("bodyLength + (1 | mountainRange)", bounds=(0, 100))
        >>> model.fit(X, y).cut_points().round(2)
               estimate  std_error  conf_low  conf_high
        lower     -4.55       0.45     -5.44      -3.66
        upper      5.27       0.45      4.38       6.16
        """
        check_is_fitted(self)
        check_level(level)
        place = self.fit_.layout.predictors.index("lower_cut")
        cuts = [infer.constant(self.fit_, place), *infer.derived(self.fit_)]
        frame = infer.interval_frame(infer.intervals(self.fit_, level, cuts))
        frame.insert(1, "std_error", infer.std_errors(self.fit_, cuts))
        return frame.set_axis(["lower", "upper"])

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        low, gap = self.fit_.beta[2:]
        self.cut_points_ = np.concatenate([low, low + np.exp(gap)])
