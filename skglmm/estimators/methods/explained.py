"""How much of the variance a fitted estimator explains."""

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.design import DesignSpec
from skglmm.estimators.reading.rows import build_rows, known_rows
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_one_mean
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit
from skglmm.response import ResponseScale

__all__ = ["ExplainedVariance"]


class ExplainedVariance(SingleThreaded):
    """Explained variance of a fitted mixed model, as a method."""

    fit_: Fit
    context: Mapping[str, Callable[..., Any]] | None
    _scale: ResponseScale
    _spec: DesignSpec

    def r2(self, X: Any, y: Any, sample_weight: Any = None) -> infer.RSquared:
        r"""Return marginal and conditional R² and the intraclass correlation.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of `fit`, in any order.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of `fit`; a weight of 2 is the row twice.

        Returns
        -------
        RSquared
            For the scales `latent` and `response` the variance of the `fixed` and of the `random`
            effects and the `residual` one, and their shares, in [0, 1]: `marginal` (fixed),
            `conditional` (fixed and random), and `icc` (random among random and residual);
            ``to_frame()`` has them all. Variances of the response are on the scale of y.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When these are not the rows of `fit`.

        Notes
        -----
        These are variances that the model implies for its rows [1]_, those of random slopes
        averaged over the rows [2]_; `score` compares predictions with responses, of any rows.
        Variances over rows have the divisor n. The variance of the response has exactly three
        parts: that of the mean averaged over groups, over rows; that of the means of groups,
        averaged over rows; and that of the family. On the latent scale the residual variance is
        that of the working response of Fisher scoring, one over the expected information of a row
        on its linear predictor, averaged over rows and groups. For the beta family with the logit
        link that is :math:`1 / [\phi^2 \mu^2 (1 - \mu)^2 (\psi'(\mu\phi) +
        \psi'((1 - \mu)\phi))]`, the inverse of the weights of [3]_; for exponential families
        it is the delta-method variance of [1]_. Of classes, and of successes of single trials, it
        is the variance of the errors of a latent variable that crosses a threshold, as in [1]_:
        :math:`\pi^2 / 3` for the logit link, 1 for the probit, :math:`\pi^2 / 6` for the
        complementary log-log, whatever the probabilities.

        References
        ----------
        .. [1] Nakagawa, S., Johnson, P. C. D. & Schielzeth, H. (2017). The coefficient of
           determination R² and intra-class correlation coefficient from generalized linear
           mixed-effects models revisited and expanded. Journal of the Royal Society Interface,
           14(134), 20170213.
        .. [2] Johnson, P. C. D. (2014). Extension of Nakagawa & Schielzeth's R²GLMM to random
           slopes models. Methods in Ecology and Evolution, 5(9), 944-946.
        .. [3] Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modelling rates and
           proportions. Journal of Applied Statistics, 31(7), 799-815.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.r2(X, y)
        Explained variance
          scale     marginal R²  conditional R²     ICC
          latent         0.6506          0.9631  0.8945
          response       0.6012          0.9730  0.9322
        """
        check_is_fitted(self)
        check_one_mean(self.fit_, "r2")
        study_of(self, X, y, sample_weight)  # refuses other rows
        frame, _, weights, _ = known_rows(self, X, y, sample_weight)
        design, _ = build_rows(self._spec, frame, "marginal", "fixed", self.context)
        return infer.r_squared(self.fit_, design, weights, width=self._scale.width)
