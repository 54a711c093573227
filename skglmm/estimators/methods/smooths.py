"""What a fitted estimator answers of its smooth terms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, check_random_state

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.design import SmoothCurve
from skglmm.estimators.reading.validation import (
    check_count,
    check_flag,
    check_inference,
    check_level,
)
from skglmm.estimators.runtime.threads import SingleThreaded
from skglmm.fitting import Fit

__all__ = ["Smooths"]

SURFACE = 40  # points on each axis of a surface, at most


class Smooths(SingleThreaded):
    """Curves of smooth terms, as methods."""

    fit_: Fit

    def smooth_terms(self) -> pd.DataFrame:
        r"""Return the smooth terms with their effective degrees of freedom and tests.

        Returns
        -------
        DataFrame
            One row for each curve: name, predictor, edf, reference_df, statistic, residual_df,
            p_value. The effective degrees of freedom are those of the coefficients of the curve
            [1]_; one is a straight line. The test is that the curve is 0 everywhere [2]_, of the
            rank reference_df; its statistic is an F with a normal response, a :math:`\chi^2`
            otherwise, whose residual degrees of freedom are infinite. NaN without inference.

        Raises
        ------
        NotFittedError
            When `fit` was not called.

        References
        ----------
        .. [1] Wood, S. N. (2017). Generalized Additive Models: an Introduction with R, 2nd
           edition, section 6.1.2. CRC Press.
        .. [2] Wood, S. N. (2013). On p-values for smooth components of an extended generalized
           additive model. Biometrika, 100(1), 221-228.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> X = pd.DataFrame({"day": np.arange(120.0)})
        >>> y = np.random.default_rng(0).poisson(np.exp(2 + np.sin(X["day"] / 20)))
        >>> model = PoissonGLMMRegressor("s(day)").fit(X, y)
        >>> model.smooth_terms()[["name", "edf", "reference_df"]].round(1)
             name  edf  reference_df
        0  s(day)  5.8           7.0
        """
        check_is_fitted(self)
        return infer.smooth_frame(infer.smooth_tests(self.fit_))

    def curves(
        self,
        terms: str | Sequence[str] | None = None,
        *,
        at: Mapping[str, Any] | pd.DataFrame | None = None,
        n_points: int = 100,
        level: float = 0.95,
        simultaneous: bool = False,
        unconditional: bool = True,
        random_state: Any = 0,
    ) -> pd.DataFrame:
        """Return the curves of smooth terms over their covariates, with bands.

        Curves have a mean of 0 over the rows of the fit; what is added to them, the intercept and
        all other terms, is left out. They are on the scale of their linear predictor. A curve with
        a number as `by` is what this number is multiplied by.

        Parameters
        ----------
        terms : str or sequence of str, default=None
            Names of curves as in `smooth_terms`, ``"s(x)"``; None is all.
        at : mapping of str to array, or DataFrame, default=None
            Values of the covariates, by the name that they have in the term, for curves of these
            covariates alone; by default a grid between the ends of the rows of the fit.
        n_points : int, default=100
            Points of a grid; of surfaces on each axis, 40 at most.
        level : float, default=0.95
            Coverage of the bands, above 0 and below 1.
        simultaneous : bool, default=False
            Whether a band holds the whole curve with this probability, not each of its points.
        unconditional : bool, default=True
            Whether standard errors have the uncertainty of the smoothness, to first order; without
            it they are those that mgcv has by default.
        random_state : int, RandomState or None, default=0
            Of the simulation that simultaneous bands come from.

        Returns
        -------
        DataFrame
            One row for each point: name, predictor, a column for each covariate (missing where
            a curve has another), estimate, std_error, conf_low, conf_high.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When a term is unknown, the model has none or was fitted with ``inference=False``; when
            `at` lacks a covariate, or has what are no numbers, or as many of one as of another.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> X = pd.DataFrame({"day": np.arange(120.0)})
        >>> y = np.random.default_rng(0).poisson(np.exp(2 + np.sin(X["day"] / 20)))
        >>> model = PoissonGLMMRegressor("s(day)").fit(X, y)
        >>> model.curves(n_points=3)[["day", "estimate"]].round(1)
             day  estimate
        0    0.0      -0.2
        1   59.5       0.2
        2  119.0      -0.7
        """
        check_is_fitted(self)
        check_inference(self.fit_)
        check_level(level)
        check_count("n_points", n_points)
        check_flag("simultaneous", simultaneous)
        check_flag("unconditional", unconditional)
        chosen = list(_chosen(self.fit_, terms))
        seed = check_random_state(random_state).randint(2**31 - 1)
        values = [
            infer.curve_values(
                self.fit_,
                curve,
                _points(curve, at, n_points),
                level,
                simultaneous=simultaneous,
                unconditional=unconditional,
                rng=np.random.default_rng(seed),
            )
            for curve in chosen
        ]
        return infer.curve_frame(self.fit_, values)


def _chosen(fit: Fit, terms: str | Sequence[str] | None) -> Iterator[SmoothCurve]:
    """Yield the curves of some names."""
    curves = {curve.name: curve for curve in fit.layout.curves}
    if not curves:
        msg = "the model has no smooth terms over all rows; its formula has no term such as s(x)"
        raise ValueError(msg)
    for name in list(curves) if terms is None else [terms] if isinstance(terms, str) else terms:
        if name not in curves:
            msg = f"{name!r} is none of the curves of the model, which are {list(curves)}"
            raise ValueError(msg)
        yield curves[name]


def _points(
    curve: SmoothCurve, at: Mapping[str, Any] | pd.DataFrame | None, n_points: int
) -> Floats:
    """Return the points at which a curve is evaluated, (m, d)."""
    smooth = curve.smooth
    if at is not None:
        absent = [name for name in smooth.covariates if name not in at]
        if absent:
            msg = (
                f"at= has no {absent[0]!r}, of which {curve.name} is a curve; it has "
                f"{list(map(str, at))}"
            )
            raise ValueError(msg)
        return _at(at, smooth.covariates)
    count = n_points if len(smooth.ends) == 1 else min(n_points, SURFACE)
    axes = [np.linspace(low, high, count) for low, high in smooth.ends]
    return np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], axis=1)


def _at(at: Mapping[str, Any] | pd.DataFrame, names: Sequence[str]) -> Floats:
    """Return given points, (m, d)."""
    columns = []
    for name in names:
        try:
            columns.append(np.atleast_1d(np.asarray(at[name], dtype=np.float64)))
        except (TypeError, ValueError):
            msg = f"at= has values of {name!r} that are no numbers, as a curve is a function of"
            raise ValueError(msg) from None
    sizes = {name: len(column) for name, column in zip(names, columns, strict=True)}
    if len({size for size in sizes.values() if size != 1}) > 1:
        msg = f"at= has {sizes} values; covariates of one surface have as many each, or one"
        raise ValueError(msg)
    return np.column_stack(np.broadcast_arrays(*columns))
