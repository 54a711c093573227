"""What is asked of the responses of one study: tests, claims, likelihood ratios, functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.stats import chi2
from scipy.stats import t as student
from sklearn.base import clone

from skglmm import inference as infer
from skglmm.arrays import Floats
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.validation import check_choice
from skglmm.model_selection import likelihood_ratio_test
from skglmm.planning.claims import Claim, read_claims
from skglmm.planning.constrained import constrained_fit

__all__ = ["Answer", "StudyQuestion", "question_of"]

TESTS = ("wald", "likelihood-ratio")
NO_ESTIMATE = np.zeros(0)


class Answer(NamedTuple):
    """What one study says.

    Parameters
    ----------
    p_value : float
        NaN of a function that says yes or no.
    shown : bool or None
        What such a function says; None where the p-value does.
    estimate : ndarray, shape (m,)
        Left-hand sides less right-hand sides of the constraints, if there are any.
    """

    p_value: float
    shown: bool | None = None
    estimate: Floats = NO_ESTIMATE


class StudyQuestion(Protocol):
    """What is asked of the responses of one study."""

    @property
    def described(self) -> str:
        """What it asks, in words: ``"x = 0 is rejected by ..."``."""

    def of_fitted(self, model: Any) -> Any:
        """Return the estimator, not fitted, that the question needs."""

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        """Return the answer of a fitted model."""

    def assumed(self, model: Any, beta: Floats) -> Floats:
        """Return what the estimates of an answer are of, (m,), for known coefficients."""


def question_of(hypothesis: Any, test: str, df: str, model: Any) -> StudyQuestion:
    """Read a hypothesis.

    Parameters
    ----------
    hypothesis : str, list of str, estimator or callable
    test : {"wald", "likelihood-ratio"}
    df : str
    model : MixedModel
        Of the study.

    Raises
    ------
    ValueError
        When the hypothesis is not one for this test.
    TypeError
        When it is none of the above.
    """
    check_choice("test", test, TESTS)
    check_choice("df", df, infer.DF_METHODS)
    if isinstance(hypothesis, MixedModel):
        return RatioQuestion(clone(hypothesis))
    if callable(hypothesis):
        return FunctionQuestion(hypothesis)
    texts = [hypothesis] if isinstance(hypothesis, str) else hypothesis
    if not isinstance(texts, Sequence) or not all(isinstance(each, str) for each in texts):
        msg = (
            f"hypothesis={hypothesis!r} is of type {type(hypothesis).__name__}, expected a text "
            "such as 'x = 0' or 'x > 0.2', a list of them, the smaller model, or a function"
        )
        raise TypeError(msg)
    text = ", ".join(texts)
    claims = read_claims(text)
    if claims and test != "wald":
        msg = f"claims with > or <, {text!r}, are tested by test='wald', got test={test!r}"
        raise ValueError(msg)
    if claims:
        return ClaimQuestion(text, tuple(claims), df)
    if test == "wald":
        return WaldQuestion(text, df)
    if model.priors is not None:
        msg = "likelihood ratios of models with priors mean little; take test='wald'"
        raise ValueError(msg)
    return ConstraintQuestion(text)


@dataclass(frozen=True)
class WaldQuestion:
    """Whether constraints are rejected by Wald's test."""

    text: str
    df: str

    @property
    def described(self) -> str:
        return f"{self.text} is rejected by Wald's test"

    def of_fitted(self, model: Any) -> Any:
        return model

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        del X, y
        found = model.wald_test(self.text, df=self.df)
        return Answer(float(found.p_value), None, found.estimate)

    def assumed(self, model: Any, beta: Floats) -> Floats:
        return _assumed(model, self.text, beta)


@dataclass(frozen=True)
class ClaimQuestion:
    """Whether all claims are shown, each by a one-sided test of its end."""

    text: str
    claims: tuple[Claim, ...]
    df: str

    @property
    def described(self) -> str:
        sided = "a one-sided t or z test"
        each = sided if len(self.claims) == 1 else f"{sided} of each"
        return f"{self.text} is shown by {each}"

    def of_fitted(self, model: Any) -> Any:
        return model

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        del X, y
        return Answer(max(self._p_value(model, claim) for claim in self.claims))

    def assumed(self, model: Any, beta: Floats) -> Floats:
        del model, beta
        return NO_ESTIMATE

    def _p_value(self, model: Any, claim: Claim) -> float:
        test = model.wald_test(claim.constraint, df=self.df)
        if len(test.estimate) > 1:
            msg = (
                f"the claim {claim.constraint.rpartition(' = ')[0]!r} is of a term with "
                f"{len(test.estimate)} coefficients; a claim is about one, or a sum of them"
            )
            raise ValueError(msg)
        df = np.inf if test.dfs is None else float(test.dfs[0])
        statistic = claim.sign * float(test.estimate[0] / test.std_error[0])
        return float(student.sf(statistic, df))


@dataclass(frozen=True)
class ConstraintQuestion:
    """Whether constraints are rejected by a likelihood-ratio test."""

    text: str

    @property
    def described(self) -> str:
        return f"{self.text} is rejected by a likelihood-ratio test"

    def of_fitted(self, model: Any) -> Any:
        return by_likelihood(model)

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        matrix, values = model._constraints(self.text)
        smaller = constrained_fit(model, X, y, matrix, values)
        statistic = 2.0 * (model.fit_.log_likelihood - smaller.log_likelihood)
        beta = np.concatenate(model.fit_.beta)
        p_value = float(chi2.sf(max(statistic, 0.0), len(values)))
        return Answer(p_value, None, matrix @ beta - values)

    def assumed(self, model: Any, beta: Floats) -> Floats:
        return _assumed(model, self.text, beta)


@dataclass(frozen=True)
class RatioQuestion:
    """Whether a smaller model is rejected by a likelihood-ratio test."""

    smaller: Any

    @property
    def described(self) -> str:
        return f"{self.smaller.formula} is rejected by a likelihood-ratio test"

    def of_fitted(self, model: Any) -> Any:
        return by_likelihood(model)

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        smaller = by_likelihood(self.smaller).fit(X, y)
        return Answer(float(likelihood_ratio_test(smaller, model, X).p_value))

    def assumed(self, model: Any, beta: Floats) -> Floats:
        del model, beta
        return NO_ESTIMATE


@dataclass(frozen=True)
class FunctionQuestion:
    """Whether a function of the fitted model says yes, or returns a small p-value."""

    function: Callable[[Any, Any, Any], Any]

    @property
    def described(self) -> str:
        name = getattr(self.function, "__name__", type(self.function).__name__)
        return f"{name}(model, X, y) says so"

    def of_fitted(self, model: Any) -> Any:
        return model

    def ask(self, model: Any, X: Any, y: Any) -> Answer:
        found = self.function(model, X, y)
        if isinstance(found, bool | np.bool_):
            return Answer(np.nan, bool(found))
        if isinstance(found, Real) and not abs(float(found) - 0.5) > 0.5:  # NaN is no answer
            return Answer(float(found))
        msg = (
            f"the hypothesis, a function, returned {found!r}, expected a p-value, or True where "
            "the study shows what it is for"
        )
        raise TypeError(msg)

    def assumed(self, model: Any, beta: Floats) -> Floats:
        del model, beta
        return NO_ESTIMATE


def by_likelihood(model: Any) -> Any:
    """Return an estimator, not fitted, that maximizes the likelihood, not a restricted one."""
    return clone(model).set_params(reml=False)


def _assumed(model: Any, text: str, beta: Floats) -> Floats:
    matrix, values = model._constraints(text)
    found: Floats = matrix @ beta - values
    return found
