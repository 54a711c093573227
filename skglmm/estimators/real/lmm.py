"""Linear mixed regression."""

from skglmm.arrays import Floats
from skglmm.design import Design, DesignSpec
from skglmm.engine import Approximation, ProfiledGaussian
from skglmm.estimators.base.regressor import MixedRegressor
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.real.no_residual import (
    LoneRows,
    leaves_out,
    refuse_nothing,
    refuse_others,
    without_residual,
)
from skglmm.families import Family, Gaussian
from skglmm.fitting import Fit
from skglmm.response import RealScale, ResponseScale

__all__ = ["LMMRegressor"]


@mixed_model
class LMMRegressor(MixedRegressor):
    r"""Linear mixed model: real responses with normally distributed noise.

    The response is normal with a mean :math:`\mu`, which has a linear predictor of fixed and
    normally distributed random effects, and a standard deviation :math:`\sigma`, whose logarithm
    has one of its own. Estimates are of restricted or of plain maximum likelihood [1]_; answers
    are those of lme4 and glmmTMB, tests those of lmerTest and pbkrtest: `summary`, `confint`,
    `wald_test` and `anova` have Satterthwaite's degrees of freedom [2]_, or others by `df`, where
    the standard deviation is one number. Units do not matter: dollars and millionths fit alike.

    Parameters
    ----------
    $formula_and_groups
    reml : bool, default=True
        Whether the fixed effects of the mean are integrated out when variances are estimated
        (REML), so that these are not too small where rows are few; False is maximum likelihood.
        The log likelihood is a restricted one then: models with other fixed effects are compared
        by maximum likelihood only.
    scale : str, default="1"
        One-sided formula of the log residual standard deviation; it may have random effects,
        and terms with the same key, ``(1 |p| g)`` here and in `formula`, are correlated. "0" leaves
        the residual out, as glmmTMB's ``dispformula = ~ 0`` does: a term that has one effect for
        each row takes its place, such as ``us(0 + visit | subject)``, and the rows of a subject
        have its covariance alone. That is a mixed model for repeated measures (MMRM [3]_), or
        ``gls`` of nlme.
    link : {"identity", "log"}, default="identity"
        Link of the mean.
    $others

    Attributes
    ----------
    $coefficients
    scale_coef_ : ndarray, shape (n_scale_coef,)
        Fixed effects of the log residual standard deviation, the intercept first; none if the
        residual is left out.
    $results

    References
    ----------
    .. [1] Bates, D., Mächler, M., Bolker, B. & Walker, S. (2015). Fitting linear mixed-effects
       models using lme4. Journal of Statistical Software, 67(1), 1-48.
    .. [2] Kuznetsova, A., Brockhoff, P. B. & Christensen, R. H. B. (2017). lmerTest package: tests
       in linear mixed effects models. Journal of Statistical Software, 82(13), 1-26.
    .. [3] Mallinckrodt, C. H., Clark, W. S. & David, S. R. (2001). Accounting for dropout bias
       using mixed-effects models. Journal of Biopharmaceutical Statistics, 11(1-2), 9-21.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LMMRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"days": np.tile(np.arange(10), 12), "subject": np.arange(120) // 10})
    >>> slopes = rng.normal(10, 6, 12)[X["subject"]]
    >>> y = 250 + slopes * X["days"].to_numpy() + rng.normal(0, 25, 120)
    >>> model = LMMRegressor("days + (days | subject)").fit(X, y)
    >>> model.coef_.round(1)
    array([10.9])

    Days of a subject that are more alike the closer they are, without a residual beside them:

    >>> model = LMMRegressor("days + ar1(0 + days | subject)", scale="0").fit(X, y)
    >>> model.tidy("random")["estimate"].round(2).tolist()
    [36.7, 0.6]
    """

    _family = Gaussian()

    reml: bool = True
    scale: str = "1"
    link: str = "identity"

    def _approximation(self, family: Family) -> Approximation:
        del family
        return ProfiledGaussian()

    def _completed(
        self, spec: DesignSpec, design: Design, y: Floats, weights: Floats | None
    ) -> tuple[DesignSpec, Design]:
        if not leaves_out(self.scale):
            refuse_nothing(spec, self._make_family().scale, self.scale)
            return spec, design
        return without_residual(spec, design, y, weights, self._make_family())

    def _maximize(
        self,
        family: Family,
        design: Design,
        read: Floats,
        weights: Floats | None,
        scale: ResponseScale,
    ) -> Fit:
        if not leaves_out(self.scale):
            return super()._maximize(family, design, read, weights, scale)
        how = (self._likelihood(family), self._options(), self._priors(self._spec))
        rows = LoneRows(family, design, read, *how)
        log_sd = self._spec.added[family.scale]
        return rows.fit(float(log_sd or 0.0), inference=bool(self.inference))

    def _refuse_sums(self, what: str) -> None:
        if leaves_out(self.scale):
            refuse_others(what)

    def _make_scale(self, family: Family) -> RealScale:
        del family
        return RealScale()
