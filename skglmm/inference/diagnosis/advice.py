"""What to do about residuals that are not those of a true model."""

import re
from collections.abc import Callable

import numpy as np

from skglmm.families import Family
from skglmm.inference.residuals.count_tests import makes_own_zeros
from skglmm.inference.residuals.distribution_tests import ResidualTest
from skglmm.syntax import SMOOTHS

__all__ = ["advice"]

ADVICE = {
    "uniformity": "Look at a QQ plot of the quantile residuals; another family or link may fit",
    "outliers": "Look at these rows: typing errors, or rows of another kind",
    "farthest": "Look at this row: a typing error, or a row of another kind",
    "inflation": "A family with zeros and ones of their own describes them",
    "link": "Try another link, or curves of the covariates such as poly(x, 2)",
}
TAILS = (
    "of the gamma, the inverse Gaussian and the lognormal distribution with the same mean and "
    "variance each has a longer one than the one before"
)
_CURVE = re.compile(  # its trend, by a category or a number
    rf"(?:{'|'.join(SMOOTHS)})\((?P<all>[^()]*)\)(?P<by>:.*)?(?:\[(?P<one>[^\[\]]*)\])?"
)
_COLUMN = re.compile(r"[^\W\d]\w*|`[^`]+`")
_WRITTEN = re.compile(r"[^\W\d]\w*|[\w.]+\(.*\)")  # words and calls need no back quotes


def advice(test: ResidualTest, family: Family) -> str:
    """Return a sentence about a test that was failed.

    Parameters
    ----------
    test : ResidualTest
    family : Family
        Of the model.
    """
    if test.name in ADVICE:
        return ADVICE[test.name]
    return ABOUT[test.name](test, family)


def _on_dispersion(test: ResidualTest, family: Family) -> str:
    first = "The family does not give the responses their spread; look for another one"
    if not family.counts_something:
        wider = test.effect > 1.0 and family.wider
        return f"{first}, such as {wider}" if wider else first
    if test.effect > 1.0:
        others = "covariates and effects that are missing, and extra zeros, spread counts, too"
        return f"Try {family.wider}; {others}" if family.wider else f"Look for {others}"
    fewer = family.narrower or family.simpler or "a distribution whose counts vary less"
    return f"Try {fewer}; meanwhile standard errors are too large"


def _on_spread(test: ResidualTest, family: Family) -> str:
    del test
    word = family.dispersion
    own = "The mean alone decides how much responses of this family vary; look for another one"
    own += f", such as {family.wider}" * bool(family.wider)
    own = own if word is None else f"Let the {word} change with covariates, {word}='x'"
    return f"{own}, or try another link"


def _on_skewness(test: ResidualTest, family: Family) -> str:
    if np.isinf(family.support.low):
        return "Look at a QQ plot of the quantile residuals: a mixture, a curve, or bounds of y"
    return f"Try a {'longer' if test.effect > 0.0 else 'shorter'} tail to the right: {TAILS}"


def _on_tails(test: ResidualTest, family: Family) -> str:
    if test.effect < 0.0:
        return "Look at a QQ plot of the quantile residuals: a mixture, or bounds of y"
    first = "Look at the rows of the largest residuals: typing errors, or rows of another kind"
    return f"{first}; or try {family.wider}" if family.wider else first


def _on_zeros(test: ResidualTest, family: Family) -> str:
    fewer_trials = test.effect < 0.0 and family.known  # successes have no hurdles
    if makes_own_zeros(family) or not family.support.is_discrete or fewer_trials:
        return "Let what makes zeros depend on covariates, or look for another distribution"
    if test.effect < 0.0:
        return (
            "A hurdle has zeros of its own, few or many: zero='1', zero_kind='hurdle'; "
            "truncated=True is for counts that cannot be 0"
        )
    wide = f". Counts that vary more have more zeros, too: compare it with {family.wider}"
    return f"Add extra zeros, zero='1'{wide if family.wider else ''}"


def _on_effect(test: ResidualTest, family: Family) -> str:
    del family
    group = _written(test.subject)
    return f"Add (1 | {group}), or {group} itself if it has few levels, and compare the models"


def _on_slope(test: ResidualTest, family: Family) -> str:
    del family
    column, _, group = test.subject.rpartition(" | ")
    curve = _CURVE.fullmatch(column)
    if curve:
        column = curve["one"] or curve["all"] or ""
        if curve["by"] or not _COLUMN.fullmatch(column):
            return f"Give each level a curve of its own, s(x, {_written(group)}, bs='fs')"
        column = column.strip("`")
    bar = f"({_written(column)} | {_written(group)})"
    return f"Let the slope vary, {bar}, and compare the models"


def _written(name: str) -> str:
    """Return the name of a column or a factor as formulas have it, without codings of levels."""
    parts = re.sub(r"\[[^\]]*\]", "", name).split(":")
    return ":".join(part if _WRITTEN.fullmatch(part) else f"`{part}`" for part in parts)


ABOUT: dict[str, Callable[[ResidualTest, Family], str]] = {
    "dispersion": _on_dispersion,
    "spread": _on_spread,
    "skewness": _on_skewness,
    "tails": _on_tails,
    "zeros": _on_zeros,
    "missing effect": _on_effect,
    "missing slope": _on_slope,
}
