"""Mixed models of counts."""

from collections.abc import Callable
from reprlib import repr as shortened
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.zeros import Zeros
from skglmm.estimators.reading.frames import predict_frame
from skglmm.estimators.reading.model import Model
from skglmm.estimators.reading.rows import Kind
from skglmm.estimators.reading.validation import check_choice, check_flag
from skglmm.exceptions import DesignError
from skglmm.families import Family, Hurdle, Truncated, ZeroInflated
from skglmm.formula import quote
from skglmm.response import CountScale

__all__ = ["CountRegressor"]

_ZEROS: dict[str, Callable[[Family], Family]] = {"inflated": ZeroInflated, "hurdle": Hurdle}


@mixed_model
class CountRegressor(Zeros, MixedRegressor):
    """A mixed model of counts, perhaps with an exposure, more zeros, or none."""

    exposure: str | None = None
    zero: str | None = None
    zero_kind: str = "inflated"
    truncated: bool = False
    n_quadrature: int = 1
    link: str = "log"

    def predict_rate(
        self, X: Any, kind: Kind | None = None, return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Predict the mean count in one unit of exposure.

        Of a hurdle, whose zeros need not grow with the exposure, it is the mean of a row of one
        unit, and no rate for longer ones.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `predict`, but the column of the exposure may be missing.
        kind : str or set, default=None
            As in `predict`.
        return_std : bool, default=False
            As in `predict`, of counts in one unit of exposure.

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
        >>> model.predict(X), model.predict_rate(X)
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

    def _make_counts(self) -> Family:
        """Return the distribution of counts, before zeros are added or taken out."""
        return super()._make_family()

    def _make_family(self) -> Family:
        check_choice("zero_kind", self.zero_kind, tuple(_ZEROS))
        check_flag("truncated", self.truncated)
        counts = self._make_counts()
        if self.zero is None:
            return Truncated(counts) if self.truncated else counts
        if self.truncated:
            msg = (
                f"truncated=True is for counts without zeros, and zero={self.zero!r} describes "
                "zeros; keep one of them, zero_kind='hurdle' for zeros beside truncated counts"
            )
            raise ValueError(msg)
        return _ZEROS[self.zero_kind](counts)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = True
        return tags

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> CountScale:
        return CountScale(least=int(family.support.low))

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        self._exposure = self.exposure  # answers are about the fit, whatever is set after it

    def _remarks(self) -> list[str]:
        found = super()._remarks()
        column = self._exposure
        if column is not None and isinstance(self.fit_.family, Hurdle):
            found.append(
                f"positive counts grow with the exposure {column!r}, zeros do not: put "
                f"log({quote(column)}) into zero= where they are rarer in longer rows"
            )
        elif column is not None:
            found.append(f"means are proportional to the exposure {column!r}")
        return found

    def _shifts(self) -> tuple[str, ...]:
        if self.exposure is None:
            return ()
        if not isinstance(self.exposure, str):
            kind = type(self.exposure).__name__
            given = shortened(self.exposure)
            msg = f"exposure={given} is of type {kind}, expected the name of a column"
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
            "Nothing can be counted there: leave these rows out"
        )
        raise ValueError(msg)
