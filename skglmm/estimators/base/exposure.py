"""Mixed models of what is observed in an exposure: hours, hectares, insured years."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.exceptions import DesignError
from skglmm.families import Hurdle
from skglmm.formula import of_type, quote

__all__ = ["ExposedRegressor"]


@mixed_model
class ExposedRegressor(MixedRegressor):
    """A mixed model of numbers whose mean is proportional to a column, where one is named."""

    _positive: ClassVar[str] = "responses"  # what is observed there, beside zeros

    exposure: str | None = None
    link: str = "log"

    def predict_rate(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the mean response in one unit of exposure.

        Of a hurdle, whose zeros need not grow with the exposure, it is the mean of a row of one
        unit, and no rate for longer ones.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`, but the column of the exposure may be missing.
        kind : str or set, default=None
            As in `predict`.
        return_std : bool, default=False
            As in `predict`, of responses in one unit of exposure.

        Returns
        -------
        y_mean : ndarray, shape (n_samples,)
            Means; those of `predict` where there is no exposure.
        y_std : ndarray, shape (n_samples,)
            Standard deviations. Only if `return_std`.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            As in `predict`.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> X = pd.DataFrame({"hours": [1.0, 2.0, 4.0, 8.0]})
        >>> model = PoissonGLMMRegressor("1", exposure="hours").fit(X, [3, 5, 14, 23])
        >>> model.predict(X).round(3), model.predict_rate(X).round(3)
        (array([ 3.,  6., 12., 24.]), array([3., 3., 3., 3.]))
        """
        check_is_fitted(self)
        frame = predict_frame(self, X)
        if self._exposure is not None:
            frame = frame.assign(**{self._exposure: 1.0})
        return self._means(frame, kind, return_std=return_std)

    def _answered(self, frame: pd.DataFrame, *asked: Any, **options: Any) -> Floats:
        _refuse_exposures(frame, self._exposure)
        return super()._answered(frame, *asked, **options)

    def _learn(self, model: Model, frame: pd.DataFrame) -> tuple[DesignSpec, Design]:
        twice = set(model.formula.offsets).intersection(model.shifts)
        if twice:
            msg = (
                f"exposure={self.exposure!r} adds {twice.pop()} to the predictor, which formula= "
                "does, too, as an offset; leave one of them out"
            )
            raise ValueError(msg)
        _refuse_exposures(frame, self.exposure)
        kind = pd.api.types.infer_dtype(frame.get(self.exposure, []))
        if kind in {"string", "categorical"}:
            msg = (
                f"the exposure {self.exposure!r} holds {kind} values, expected positive numbers; "
                "convert it with pd.to_numeric"
            )
            raise DesignError(msg)
        return super()._learn(model, frame)

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        self._exposure = self.exposure  # answers are about the fit, whatever is set after it

    def _remarks(self) -> list[str]:
        found = super()._remarks()
        column = self._exposure
        if column is not None and isinstance(self.fit_.family, Hurdle):
            found.append(
                f"positive {self._positive} grow with the exposure {column!r}, zeros do not: put "
                f"log({quote(column)}) into zero= where they are rarer in longer rows"
            )
        elif column is not None:
            found.append(f"means are proportional to the exposure {column!r}")
        return found

    def _shifts(self) -> tuple[str, ...]:
        if self.exposure is None:
            return ()
        if not isinstance(self.exposure, str):
            msg = f"{of_type('exposure', self.exposure)}, expected the name of a column"
            raise TypeError(msg)
        if self.link != "log":
            msg = (
                f"exposure={self.exposure!r} multiplies the mean, which a model with "
                f"link={self.link!r} does not do; take link='log', or a covariate"
            )
            raise ValueError(msg)
        return (f"log({quote(self.exposure)})",)


def _refuse_exposures(frame: pd.DataFrame, exposure: str | None) -> None:
    """Refuse rows that nothing was counted in."""
    column = frame.get(exposure)
    if column is None or not pd.api.types.is_numeric_dtype(column):  # refused elsewhere
        return
    idle = (column <= 0).to_numpy(dtype=np.bool_, na_value=False)
    if idle.any():
        first = int(np.argmax(idle))
        msg = (
            f"the exposure {exposure!r} must be positive; {np.count_nonzero(idle)} of "
            f"{len(idle)} values are not, the first is {column.iloc[first]:g} in row {first}. "
            "Nothing can be observed there: leave these rows out"
        )
        raise ValueError(msg)
