"""How much of the variance, or of the deviance, a fitted estimator explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skglmm import inference as infer
from skglmm.design import DesignSpec
from skglmm.estimators.reading.estimable import refuse_nonestimable
from skglmm.estimators.reading.rows import Kind, build_rows, known_rows
from skglmm.estimators.reading.study import study_of
from skglmm.estimators.reading.validation import check_choice, check_one_mean
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit
from skglmm.response import ResponseScale

__all__ = ["ExplainedVariance"]

# What has linear predictors in the place of averages of means.
AVERAGES = {"marginal": "fixed", "posterior": "conditional"}


class ExplainedVariance(SingleThreaded):
    """Explained variance and deviance of a fitted mixed model, as methods."""

    fit_: Fit
    predict_kind: str
    new_groups: str
    context: Mapping[str, Callable[..., Any]] | None
    _scale: ResponseScale
    _spec: DesignSpec

    def r2(
        self, X: Any, y: Any, sample_weight: Any = None, *, method: str = "working"
    ) -> infer.RSquared:
        r"""Return marginal and conditional R² and the intraclass correlation.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            The rows of `fit`, in any order.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            The weights of `fit`; a weight of 2 is the row twice.
        method : {"working", "delta", "lognormal", "trigamma"}, default="working"
            Where the residual variance of the latent scale is from: the working response, or one
            of the approximations of [1]_ for log links, at the mean of all rows.

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
            When these are not the rows of `fit`; for a `method` about logarithms of y, where the
            mean has no log link or counts are truncated.

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
        it is the delta-method variance of [1]_, averaged over rows. Of classes, and of successes of
        single trials, it is the variance of the errors of a latent variable that crosses a
        threshold, as in [1]_: :math:`\pi^2 / 3` for the logit link, 1 for the probit,
        :math:`\pi^2 / 6` for the complementary log-log, whatever the probabilities.

        With a log link the other methods take the variance of :math:`\log y` from c, the squared
        coefficient of variation of a response whose mean :math:`\lambda` is that of all rows, as
        the model implies it: c itself ("delta"), :math:`\log(1 + c)` ("lognormal") or
        :math:`\psi'(1 / c)` ("trigamma"). For counts c is :math:`1 / \lambda` (Poisson),
        :math:`1 / \lambda + \alpha` or :math:`(1 + \alpha) / \lambda` (negative binomial), for
        positive responses the dispersion (gamma) or :math:`\phi \lambda^{p - 2}` (Tweedie).
        Extra zeros are part of the variance, so that c grows by the odds of one. R's performance
        takes "lognormal", for a gamma "delta", at the mean of a model without covariates.

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
        check_choice("method", method, infer.R2_METHODS)
        check_one_mean(self.fit_, "r2")
        study_of(self, X, y, sample_weight)  # refuses other rows
        frame, _, weights, _ = known_rows(self, X, y, sample_weight)
        design, _ = build_rows(self._spec, frame, "marginal", "fixed", self.context)
        width = self._scale.width
        return infer.r_squared(self.fit_, design, weights, width=width, method=method)

    def d2(self, X: Any, y: Any, sample_weight: Any = None, kind: Kind | None = None) -> float:
        r"""Return D², the share of the deviance that the model explains, of any rows.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows of `fit`, or new ones.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            Weights of the rows.
        kind : str or set, default=None
            "conditional", "fixed" or a set of factors, as in `predict`: effects that are not known
            are 0. None is `predict_kind`, of which "marginal" and "posterior" average means, and
            have no deviance: "fixed" and "conditional" take their place.

        Returns
        -------
        float
            One less the deviance over that of constant predictors of the mean (and of zeros,
            where they have one), the best for these rows. 1 is best; constants have 0.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; when the data of fit do not determine a linear predictor of a row; for
            an unknown kind, "marginal" and "posterior" among them.

        Notes
        -----
        The deviance is twice what log densities lack to those of a model in which each row has a
        mean of its own, with dispersion and shapes as estimated. Of a Gaussian model D² is R² [1]_;
        of Poisson, gamma and Tweedie models it is what ``d2_tweedie_score`` of scikit-learn says of
        predictions, and of two classes ``d2_log_loss_score``. An exposure or offset stays with the
        constants, so that rates are compared with a constant rate.

        References
        ----------
        .. [1] Cameron, A. C. & Windmeijer, F. A. G. (1997). An R-squared measure of goodness of fit
           for some common nonlinear regression models. Journal of Econometrics, 77(2), 329-342.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.d2(X, y):.3f}, without batches {model.d2(X, y, kind='fixed'):.3f}")
        0.972, without batches 0.471
        """
        check_is_fitted(self)
        check_one_mean(self.fit_, "d2")
        kind = _with_deviance(self.predict_kind) if kind is None else kind
        if isinstance(kind, str) and kind in AVERAGES:
            msg = (
                f"kind={kind!r} averages means over effects, which have no deviance; take "
                f"kind={_with_deviance(kind)!r}"
            )
            raise ValueError(msg)
        refuse_nonestimable(self, X, "there is no D² of these rows", sample_weight=sample_weight)
        frame, response, weights, _ = known_rows(self, X, y, sample_weight)
        design, plan = build_rows(self._spec, frame, kind, self.new_groups, self.context)
        return infer.explained_deviance(
            self.fit_, design, self._scale.read(response), weights, plan
        )


def _with_deviance(kind: str) -> str:
    """Return the kind that has linear predictors in the place of averages of means."""
    return AVERAGES.get(kind, kind)
