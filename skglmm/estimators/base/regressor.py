"""Mixed models of numbers, as scikit-learn regressors."""

from typing import Any

from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.estimable import refuse_nonestimable
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.rows import Kind

__all__ = ["MixedRegressor"]


@mixed_model
class MixedRegressor(RegressorMixin, MixedModel):
    """A mixed model of numbers; public classes have a family and say what y is."""

    def predict(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the mean of the response.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            A frame needs only the columns that the model uses, in any order; for the kinds
            "fixed" and "marginal" no grouping columns.
        kind : {"conditional", "posterior", "fixed", "marginal"}, or set of factors, default=None
            "conditional" uses the predicted effects of each row's groups, and `new_groups` for
            levels that fit has not seen; "posterior" averages over what the rows of these groups
            say of their effects, where `predict_kind` was "posterior" in `fit`: of small groups
            it is calibrated, and "conditional" too sure. "fixed" is a typical group, whose
            effects are 0; "marginal" is the average over groups. A set conditions on the factors
            that it names, with effects of 0 for the others. None is `predict_kind`.
        return_std : bool, default=False
            Whether to return standard deviations, too.

        Returns
        -------
        y_mean : ndarray, shape (n_samples,)
            Means, on the scale of y; NaN for unseen groups if `new_groups` is "nan", and for rows
            that the data of fit do not determine.
        y_std : ndarray, shape (n_samples,)
            Standard deviations of the response about its mean, over what is averaged and the
            family's own spread; the uncertainty of the estimates is left out. Only if
            `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are missing, hold other types or missing values, when a fixed effect has
            levels that fit did not see, for an unknown kind or grouping factor, and for unseen
            groups if `new_groups` is "error".
        TypeError
            When `kind` is neither a text nor a set of texts.

        Warns
        -----
        UserWarning
            When the data of fit do not determine the mean of some rows: of an empty cell of two
            factors, or where a relation between columns does not hold that held in all rows of
            fit. It counts these rows and says why.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> model.predict(X.head(3)).round(1)
        array([10.2, 19.5, 34. ])
        >>> model.predict(X.head(3), kind="fixed").round(1)
        array([ 4.9,  9.9, 19.1])
        >>> mean, std = model.predict(X.head(3), kind="marginal", return_std=True)
        >>> std.round(1)
        array([3.1, 5.3, 8.4])
        """
        check_is_fitted(self)
        return self._means(predict_frame(self, X), kind, return_std=return_std)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R², the share of the variance of y that `predict` explains, as any regressor.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Rows to predict, by the means of `predict_kind`.
        y : array-like, shape (n_samples,)
            Their responses.
        sample_weight : array-like, shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
            1 less the residual sum of squares over the total one; 1 is best, and constant means
            have 0 or less. `r2` has those of mixed models, `log_density` scores distributions.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`; when the data of fit do not determine the mean of a row.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.score(X, y):.3f}")
        0.975
        """
        check_is_fitted(self)
        needed = self.fit_.family.mean_predictors
        refuse_nonestimable(self, X, "there is no R² of these rows", needed)
        return float(super().score(X, y, sample_weight))
