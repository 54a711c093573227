"""Student t mixed regression of real numbers with outliers."""

from math import inf
from numbers import Real
from typing import Any

import numpy as np

from skglmm.engine import Approximation
from skglmm.estimators.base.approximation import laplace_or_quadrature
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.reading.model import Model
from skglmm.families import Family, FixedStudentT, StudentT
from skglmm.response import RealScale

__all__ = ["StudentTGLMMRegressor"]


@mixed_model
class StudentTGLMMRegressor(MixedRegressor):
    r"""Student t mixed regression: robust against outliers, by tails as heavy as the data say.

    The distance of the response from :math:`\mu`, in units of a scale :math:`\sigma`, has Student's
    t distribution [1]_. Its degrees of freedom are estimated, or known: few are heavy tails, and
    many a normal distribution, as in `LMMRegressor`. The location :math:`\mu` has a linear
    predictor of fixed and normally distributed random effects, the logarithm of the scale one of
    its own. The likelihood is maximized in its Laplace approximation, or by quadrature; answers are
    those of glmmTMB. Units do not matter: dollars and millionths fit alike.

    `predict` has the location, which is the mean where there is one, with more than one degree of
    freedom, and the median in any case; standard deviations of responses are infinite up to two.

    Parameters
    ----------
    $formula_and_groups
    scale : str, default="1"
        One-sided formula of the log scale; it may have random effects, and terms with the same key,
        ``(1 |p| g)`` here and in `formula`, are correlated.
    df : float, default=None
        Degrees of freedom of the t distribution, if they are known; None estimates them.
    $quadrature
    link : {"identity", "log"}, default="identity"
        Link of the location.
    $reml
    $others

    Attributes
    ----------
    $coefficients
    scale_coef_ : ndarray, shape (n_scale_coef,)
        Fixed effects of the log scale, the intercept first. The scale is no standard deviation:
        that is larger by the square root of df / (df - 2).
    df_ : float
        The degrees of freedom of the t distribution.
    $results

    References
    ----------
    .. [1] Lange, K. L., Little, R. J. A. & Taylor, J. M. G. (1989). Robust statistical modeling
       using the t distribution. Journal of the American Statistical Association, 84, 881-896.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import StudentTGLMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"x": rng.normal(size=400), "g": np.arange(400) // 20})
    >>> y = 5 + 2 * X["x"].to_numpy() + rng.normal(size=20)[X["g"]] + rng.standard_t(3, 400)
    >>> model = StudentTGLMMRegressor("x + (1 | g)").fit(X, y)
    >>> model.coef_.round(1), round(model.df_)
    (array([2.]), 3)
    """

    _family = StudentT()

    scale: str = "1"
    df: float | None = None
    n_quadrature: int = 1
    link: str = "identity"

    def _make_family(self) -> Family:
        family = super()._make_family()
        if self.df is None:
            return family
        _check_df(self.df)
        return FixedStudentT(links=family.links[:2], df=float(self.df))

    def _approximation(self, family: Family) -> Approximation:
        del family
        return laplace_or_quadrature(self.n_quadrature)

    def _make_scale(self, family: Family) -> RealScale:
        del family
        return RealScale()

    def _publish(self, model: Model) -> None:
        super()._publish(model)
        family: Any = self.fit_.family
        self.df_ = float(np.exp(family.log_df([part[:1] for part in self.fit_.beta])[0]))


def _check_df(df: Any) -> None:
    if not isinstance(df, Real) or not 0.0 < float(df) < inf:
        msg = (
            f"df={df!r} must be None, which estimates them, or a positive number of degrees of "
            "freedom; LMMRegressor has infinitely many"
        )
        raise ValueError(msg)
