r"""Likelihood-ratio tests, with the mixtures that hold on the boundary of a parameter's range.

A variance of zero lies on the boundary, where the ratio is no chi-square variable. If q
effects are freely correlated and one more is added, with its variance and q covariances, the
null distribution is :math:`\tfrac12 \chi^2_q + \tfrac12 \chi^2_{q + 1}` [1]_; r fixed effects
added at the same time make it :math:`\tfrac12 \chi^2_{q + r} + \tfrac12 \chi^2_{q + r + 1}`
[2]_.

References
----------
.. [1] Stram, D. O. & Lee, J. W. (1994). Variance components testing in the longitudinal mixed
   effects model. Biometrics, 50(4), 1171-1177.
.. [2] Self, S. G. & Liang, K.-Y. (1987). Asymptotic properties of maximum likelihood
   estimators and likelihood ratio tests under nonstandard conditions. Journal of the
   American Statistical Association, 82(398), 605-610.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.hypotheses.nested import Addition, Comparison
from skglmm.inference.report.frames import named_frame
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["LikelihoodRatio", "likelihood_ratio", "mixture_tail", "ratio", "ratio_std_error"]

ROUNDING = 1e-4  # a ratio may be so far below zero: each fit stops at most this short
FAR = 4.0  # standard errors of an estimated ratio that it may be below zero by chance
CHANCE = 2.0  # standard errors on each side within which such a ratio is told to be
NOTHING = 1e-6  # a ratio below is that of two fits which are one, as at a variance of zero

_Mixture = tuple[tuple[float, int], ...]  # weights and degrees of freedom
_ADVICE = "method='bootstrap' finds it by simulation"
_UNTOLD = f"it is not known how the smaller model restricts the variances; {_ADVICE}"


@dataclass(frozen=True, repr=False)
class LikelihoodRatio(Printed):
    """A likelihood-ratio test of two nested models.

    Parameters
    ----------
    statistic : float
        Twice the difference of the log likelihoods.
    df : int
        Number of parameters that the larger model adds.
    p_value : float
    method : {"chi-square", "boundary-corrected", "conservative", "bootstrap"}
        Where the p-value comes from; that of "conservative" is too large rather than too small.
    mixture : tuple of (float, int)
        Weights and degrees of freedom of the chi-square distributions; empty for "bootstrap".
    names : tuple of str, length 2
        The smaller model and the larger one.
    log_likelihoods : tuple of float, length 2
    n_params : tuple of int, length 2
    notes : tuple of str
        Findings in words.
    replicates : ndarray, shape (n_replicates,), or None
        Statistics of simulated responses, for "bootstrap"; NaN where a fit failed.
    std_error : float
        What chance may have done to the statistic, where log likelihoods are estimated as random
        effects are solved for by iterations; 0 where they are not.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.model_selection import likelihood_ratio_test
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> larger = BetaGLMMRegressor("EP + SG + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> test = likelihood_ratio_test(model, larger)
    >>> print(test)
    LR = 6.854 on 1 df, p = 0.0088 (chi-square)
    >>> test.method
    'chi-square'
    """

    statistic: float
    df: int
    p_value: float
    method: str
    mixture: _Mixture
    names: tuple[str, str]
    log_likelihoods: tuple[float, float]
    n_params: tuple[int, int]
    notes: tuple[str, ...] = ()
    replicates: Floats | None = None
    std_error: float = 0.0

    def __str__(self) -> str:
        p_value = f"p = {self.p_value:.2g}" if self.p_value > 0 else "p < 1e-300"
        return f"LR = {self.statistic:.3f} on {self.df} df, {p_value} ({self._means()})"

    def _means(self) -> str:
        if self.replicates is not None:
            n_used = int(np.isfinite(self.replicates).sum())
            return f"bootstrap, {n_used} replicates"
        if self.method == "conservative":
            return "conservative; method='bootstrap' is better"
        return self.method

    def _page(self) -> Page:
        names = (
            f"{word} model: {name} ({count} parameters)"
            for word, name, count in zip(
                ("smaller", "larger"), self.names, self.n_params, strict=True
            )
        )
        tests = (("", "", ""), (f"{self.statistic:.3f}", f"{self.df}", f"{self.p_value:.2g}"))
        rows = zip(names, self.log_likelihoods, tests, strict=True)
        shown = tuple((name, f"{value:.4f}", *test) for name, value, test in rows)
        table = Table("", ("", "log likelihood", "LR", "df", "p"), shown, 1)
        return Page((table,), (str(self),), self.notes)

    def to_frame(self) -> Any:  # a DataFrame, which this floor does not know
        """Return a row for each model: n_params, log_likelihood, lr_statistic, lr_df, lr_p_value.

        The test stands in the row of the larger model.
        """
        tests = ((np.nan, np.nan, np.nan), (self.statistic, self.df, self.p_value))
        columns = ("n_params", "log_likelihood", "lr_statistic", "lr_df", "lr_p_value")
        models = zip(self.names, self.n_params, self.log_likelihoods, tests, strict=True)
        return named_frame(
            {
                name: dict(zip(columns, (n, value, *test), strict=True))
                for name, n, value, test in models
            }
        )


def likelihood_ratio(
    smaller: Fit,
    larger: Fit,
    names: tuple[str, str] = ("smaller", "larger"),
    added: Addition | None = None,
) -> LikelihoodRatio:
    """Test a model against one that it is nested in, by asymptotic theory.

    Parameters
    ----------
    smaller, larger : Fit
        To the same data; nested, see `Comparison`.
    names : tuple of str, length 2
        What the models are called.
    added : Addition or None
        What the larger model adds; None if the fits tell.

    Returns
    -------
    LikelihoodRatio

    Raises
    ------
    ValueError
        When the larger model has the lower log likelihood.
    """
    statistic, std_error = _statistic(smaller, larger, names), ratio_std_error(smaller, larger)
    added = added or Comparison(smaller, larger).addition()
    method, mixture, note = _theory(added, is_singular=bool(smaller.singular))
    return LikelihoodRatio(
        statistic=statistic,
        df=added.n_params,
        p_value=mixture_tail(statistic, mixture),
        method=method,
        mixture=mixture,
        names=names,
        log_likelihoods=(smaller.log_likelihood, larger.log_likelihood),
        n_params=(smaller.n_params, larger.n_params),
        notes=(
            note,
            *_unconverged((smaller, larger), names),
            *_chance(statistic, std_error, mixture),
        ),
        std_error=std_error,
    )


def mixture_tail(statistic: float, mixture: Sequence[tuple[float, int]]) -> float:
    """Probability that a mixture of chi-square variables is at least the statistic.

    Parameters
    ----------
    statistic : float
    mixture : sequence of (float, int)
        Weights and degrees of freedom; with 0 of these the variable is 0.
    """
    return float(sum(weight * _tail(statistic, df) for weight, df in mixture))


def _tail(statistic: float, df: int) -> float:
    return float(chi2.sf(statistic, df)) if df else float(statistic <= 0)


def ratio_std_error(smaller: Fit, larger: Fit) -> float:
    """What chance may have done to the ratio of two fits whose log likelihoods are estimated.

    As of independent estimates: probes that both have in common make it less.
    """
    errors = (smaller.log_likelihood_std_error, larger.log_likelihood_std_error)
    return 2.0 * float(np.hypot(*errors))


def ratio(smaller: float, larger: float, std_error: float = 0.0) -> float:
    """Twice the difference of log likelihoods, 0 but for rounding; NaN where it is negative.

    Parameters
    ----------
    smaller, larger : float
    std_error : float
        Of the ratio: one that is estimated may be below zero by chance.
    """
    value = 2.0 * (larger - smaller)
    if not value >= -ROUNDING - FAR * std_error:
        return np.nan
    return value if value > NOTHING else 0.0


def _statistic(smaller: Fit, larger: Fit, names: tuple[str, str]) -> float:
    values = (smaller.log_likelihood, larger.log_likelihood)
    value = ratio(*values, ratio_std_error(smaller, larger))
    if np.isnan(value):
        msg = (
            f"the larger model {names[1]} has the lower log likelihood, "
            f"{values[1]:.6f} against {values[0]:.6f} of {names[0]}: it "
            "did not reach its maximum, or is no extension of the other; refit both to the same X, "
            "with a smaller tol and a larger max_iter"
        )
        raise ValueError(msg)
    return value


def _theory(added: Addition, *, is_singular: bool) -> tuple[str, _Mixture, str]:
    """Name of the method, null distribution, and what they rest on."""
    plain = ((1.0, added.n_params),)
    words = f"the null distribution is that of chi-square with {added.n_params} df"
    n_effects = len(added.effects)
    if added.ends:
        return _theory_of_ends(added, is_singular=is_singular)
    if added.n_unknown:
        return "conservative", plain, f"{words}, an upper bound, as {_UNTOLD}"
    if not n_effects and not (added.n_freed and is_singular):
        return "chi-square", plain, f"{words}: no variance is tested"
    if n_effects != 1 or added.n_freed or is_singular:
        return "conservative", plain, f"{words}, an upper bound, as {_unknown(added, is_singular)}"
    low = added.n_fixed + added.n_joined
    note = (
        f"the variance of {added.effects[0]} is 0 under the smaller model, on the boundary of its "
        f"range: the null distribution is half chi-square with {low} df, half with {low + 1}"
    )
    return "boundary-corrected", ((0.5, low), (0.5, low + 1)), note


def _theory_of_ends(added: Addition, *, is_singular: bool) -> tuple[str, _Mixture, str]:
    """The same where a parameter of the family is at an end of its range."""
    df = added.n_params
    if len(added.ends) > 1 or df > 1 or is_singular:
        named = " and ".join(added.ends)
        note = (
            f"the null distribution is that of chi-square with {df} df, an upper bound, as {named} "
            "at the end of the range, among what the larger model adds, has no simple mixture; "
            f"{_ADVICE}"
        )
        return "conservative", ((1.0, df),), note
    note = (
        f"the {added.ends[0]} is at the end of its range under the smaller model: the null "
        "distribution is half chi-square with 0 df, half with 1"
    )
    return "boundary-corrected", ((0.5, 0), (0.5, 1)), note


def _unknown(added: Addition, is_singular: bool) -> str:
    """Why there is no simple mixture."""
    if is_singular:
        return f"the smaller fit is itself on the boundary; {_ADVICE}"
    if len(added.effects) > 1:
        tested = f"{len(added.effects)} variances are tested at once"
    else:
        tested = "a variance is tested together with covariances between other effects"
    return f"{tested}; {_ADVICE}"


def _unconverged(fits: Sequence[Fit], names: Sequence[str]) -> list[str]:
    return [
        f"the fit of {name} did not converge: the statistic is not exact"
        for fit, name in zip(fits, names, strict=True)
        if not fit.converged
    ]


def _chance(statistic: float, std_error: float, mixture: _Mixture) -> list[str]:
    """What the error of estimated log likelihoods does to a test, in words."""
    if not std_error:
        return []
    ends = (statistic + side * CHANCE * std_error for side in (1.0, -1.0))
    low, high = (mixture_tail(max(end, 0.0), mixture) for end in ends)
    note = (
        "log likelihoods are estimated, as random effects are solved for by iterations: the "
        f"statistic has a standard error of {std_error:.1g}, by which p is between {low:.2g} and "
        f"{high:.2g}"
    )
    return [note]
