"""Power: how often studies show what they are for, if what they assume is true."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from skglmm import inference as infer
from skglmm.arrays import Bools, Floats
from skglmm.estimators.reading.validation import check_count
from skglmm.estimators.runtime.replicates import seeds, share_out
from skglmm.estimators.runtime.threads import SingleThreaded, single_threaded
from skglmm.planning.outcomes import Analysis, StudyOutcome
from skglmm.planning.questions import StudyQuestion, question_of
from skglmm.planning.study import PlannedStudy

__all__ = ["Power", "power", "wilson"]

LEVEL = 0.95  # of the interval of a power
TRUE = 1e-10  # by which a hypothesis that is true under the assumptions may miss
COLUMNS = ("assumed", "estimate", "bias", "sd", "coverage", "n_used")


@single_threaded
def power(
    study: PlannedStudy,
    hypothesis: Any,
    *,
    test: str = "wald",
    alpha: float = 0.05,
    df: str = "auto",
    n_simulations: int = 1000,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int = 0,
) -> "Power":
    """Find by simulation how often a study shows what it is for [1]_.

    Each of `n_simulations` studies draws new random effects and responses under the assumptions,
    fits the model, and is asked. A study without a fit, or whose fit did not converge, shows
    nothing; these are counted and told. Where the hypothesis is true under the assumptions, the
    answer is the type-I error.

    Parameters
    ----------
    study : PlannedStudy
        See `simulate_study`.
    hypothesis : str, list of str, estimator or callable
        ``"arm[T.b] = 0"`` is what studies are to reject, as `wald_test` reads it: constraints, or
        terms as a whole, ``"arm = 0"``. ``"arm[T.b] > -0.2"`` is what they are to show, each claim
        by a one-sided test at `alpha`: of non-inferiority, or, with two claims of which both have
        to be shown, of equivalence. An estimator of skglmm is a smaller model, to be rejected by a
        likelihood-ratio test, of variances as well. A function is called as
        ``function(model, X, y)``, with a fitted model, and returns a p-value, or True where the
        study shows what it is for: an interval that is short enough, a choice by AIC.
    test : {"wald", "likelihood-ratio"}, default="wald"
        Of constraints. A likelihood ratio compares fits by maximum likelihood, also where the model
        says ``reml=True``.
    alpha : float, default=0.05
        Level of the test. Intervals, of which the coverage is reported, have the level
        ``1 - alpha``.
    df : str, default="auto"
        Degrees of freedom of Wald tests and intervals, see `summary`.
    n_simulations : int, default=1000
        Number of studies. The standard error of a power of 0.8 is 0.013 with 1000.
    n_jobs : int, default=None
        Number of workers: None is 1 unless a ``joblib.parallel_config`` says otherwise, -1 is all
        processors.
    random_state : int, Generator, RandomState or None, default=None
        Source of random numbers; an int gives the same numbers each time, for any `n_jobs`.
    verbose : int, default=0
        Whether to print how many studies are done. If tqdm is installed, a bar shows it anyway.

    Returns
    -------
    Power
        A record that prints as a table: the power with its interval, and of each parameter the
        mean estimate, bias, standard deviation and coverage.

    Raises
    ------
    TypeError
        When the study or the hypothesis is none.
    ValueError
        When the hypothesis cannot be read, or is not one for the test; when `alpha`, `df`, `test`
        or `n_simulations` is none of the above; when no study has an answer.

    References
    ----------
    .. [1] Green, P. & MacLeod, C. J. (2016). SIMR: an R package for power analysis of generalized
       linear mixed models by simulation. Methods in Ecology and Evolution, 7(4), 493-498.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LMMRegressor
    >>> from skglmm.planning import power, simulate_study
    >>> design = pd.DataFrame({"cluster": np.repeat(np.arange(10), 5)})
    >>> design["arm"] = np.where(design["cluster"] % 2, "b", "a")
    >>> parameters = {"Intercept": 10, "arm[T.b]": 2, "scale": 2, "sd(Intercept | cluster)": 0.6}
    >>> study = simulate_study(LMMRegressor("arm + (1 | cluster)"), design, parameters)
    >>> found = power(study, "arm[T.b] = 0", n_simulations=20, random_state=0)
    >>> 0.5 < found.power < 1
    True
    """
    _check_study(study)
    check_count("n_simulations", n_simulations)
    if not 0.0 < alpha < 1.0:
        msg = f"alpha={alpha!r} must be above 0 and below 1, such as 0.05"
        raise ValueError(msg)
    question = question_of(hypothesis, test, df, study.model)
    names, values = zip(*study.parameters.items(), strict=True)
    analysis = Analysis(study, question, alpha, df, names, np.array(values))
    target = analysis.tried()
    analysis = replace(analysis, n_contrasts=len(target))
    report = partial(_print_progress, n_simulations, perf_counter()) if verbose else None
    every = seeds(random_state, n_simulations)
    found = share_out(analysis.outcomes, every, n_jobs, report)
    return Power.of(question, alpha, analysis, target, found)


def _check_study(study: Any) -> None:
    if not isinstance(study, PlannedStudy):
        msg = (
            f"study is a {type(study).__name__}, expected a PlannedStudy: "
            "study = simulate_study(model, design, parameters)"
        )
        raise TypeError(msg)


def _print_progress(n_studies: int, start: float, n_done: int) -> None:
    sys.stdout.write(f"{n_done} of {n_studies} studies, {perf_counter() - start:.1f} s\n")


def wilson(n_yes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a probability.

    Parameters
    ----------
    n_yes, n : int
        Successes and trials.
    level : float
        Coverage.
    """
    z = float(norm.ppf(0.5 + level / 2.0))
    share, weight = n_yes / n, z * z / n
    center = (share + weight / 2.0) / (1.0 + weight)
    half = z / (1.0 + weight) * np.sqrt(share * (1.0 - share) / n + weight / (4.0 * n))
    low, high = max(0.0, float(center - half)), min(1.0, float(center + half))
    return (0.0 if n_yes == 0 else low), (1.0 if n_yes == n else high)


@dataclass(frozen=True, repr=False, eq=False)
class Power(infer.Printed, SingleThreaded):
    """What simulated studies have shown.

    Parameters
    ----------
    asked : str
        What they were asked, in words.
    alpha : float
        Level of the test.
    n_rows : int
        Of each study.
    p_values : ndarray, shape (n_simulations,)
        NaN where a study has no answer, or the hypothesis is a function that says yes or no.
    shown : ndarray of bool, shape (n_simulations,)
        Which studies show what they are for.
    contrasts : ndarray, shape (n_simulations, m)
        Estimates of the constraints, left-hand sides less right-hand sides.
    assumed_contrasts : ndarray, shape (m,)
        What they are of.
    names : tuple of str, length k
        Of the parameters.
    assumed : ndarray, shape (k,)
        Their values.
    estimates, held : ndarray, shape (n_simulations, k)
        Of the parameters; whether their intervals hold the assumed values, NaN for no interval.
    converged, singular : ndarray of bool, shape (n_simulations,)
        State of the fits.
    errors : tuple of str, length n_simulations
        Why a study has no answer; empty where it has one.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> from skglmm.planning import power, simulate_study
    >>> design = pd.DataFrame({"x": [0.0, 1.0] * 20})
    >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 1, "x": 1})
    >>> found = power(study, "x = 0", n_simulations=10, random_state=0)
    >>> found.power, found.to_frame().index.tolist()
    (1.0, ['Intercept', 'x'])
    """

    asked: str
    alpha: float
    n_rows: int
    p_values: Floats
    shown: Bools
    contrasts: Floats
    assumed_contrasts: Floats
    names: tuple[str, ...]
    assumed: Floats
    estimates: Floats
    held: Floats
    converged: Bools
    singular: Bools
    errors: tuple[str, ...]

    @classmethod
    def of(
        cls,
        question: StudyQuestion,
        alpha: float,
        analysis: Analysis,
        target: Floats,
        found: Sequence[StudyOutcome],
    ) -> "Power":
        """Put the outcomes of studies together.

        Parameters
        ----------
        question : StudyQuestion
        alpha : float
        analysis : Analysis
        target : ndarray, shape (m,)
            What contrasts are of.
        found : sequence of StudyOutcome
        """

        def column(name: str, dtype: Any = np.float64) -> Any:
            return np.array([getattr(each, name) for each in found], dtype=dtype)

        return cls(
            asked=question.described,
            alpha=alpha,
            n_rows=len(analysis.study.X),
            p_values=column("p_value"),
            shown=column("shown", np.bool_),
            contrasts=column("contrasts"),
            assumed_contrasts=target,
            names=analysis.names,
            assumed=analysis.assumed,
            estimates=column("values"),
            held=column("held"),
            converged=column("converged", np.bool_),
            singular=column("singular", np.bool_),
            errors=tuple(each.error for each in found),
        )

    @property
    def n_simulations(self) -> int:
        """Number of studies."""
        return len(self.shown)

    @property
    def power(self) -> float:
        """Share of the studies that show what they are for."""
        return float(self.shown.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval of the power, of level 0.95: what the number of studies leaves open."""
        return wilson(int(self.shown.sum()), self.n_simulations)

    @property
    def n_failed(self) -> int:
        """Number of studies without an answer."""
        return sum(map(bool, self.errors))

    @property
    def wrong_sign(self) -> float:
        """Share, among the studies that reject a single constraint, of the wrong sign [1]_.

        NaN for several constraints, and where what is estimated is 0.

        References
        ----------
        .. [1] Gelman, A. & Carlin, J. (2014). Beyond power calculations: assessing type S (sign)
           and type M (magnitude) errors. Perspectives on Psychological Science, 9(6), 641-651.
        """
        found = self._significant
        return float(np.mean(found < 0.0)) if len(found) else np.nan

    @property
    def exaggeration(self) -> float:
        """Mean size, in the same studies, of the estimate relative to what it is of.

        See `wrong_sign`.
        """
        found = self._significant
        return float(np.mean(np.abs(found))) if len(found) else np.nan

    @property
    def _significant(self) -> Floats:
        """Estimates of a constraint that is rejected, relative to what they are of."""
        target = self.assumed_contrasts
        if len(target) != 1 or abs(target[0]) <= TRUE:
            return np.zeros(0)
        return np.asarray(self.contrasts[self.shown, 0] / target[0])

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the studies, in sentences."""
        return tuple(_notes(self))

    def to_frame(self) -> pd.DataFrame:
        """Return what the studies estimate, a row for each parameter.

        Returns
        -------
        DataFrame
            Columns assumed, estimate (the mean), bias, sd, coverage (of intervals of level
            ``1 - alpha``) and n_used: the studies with a fit that converged, and a finite estimate.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import power, simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0] * 20})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 1, "x": 1})
        >>> found = power(study, "x = 0", n_simulations=10, random_state=0)
        >>> found.to_frame().columns.tolist()
        ['assumed', 'estimate', 'bias', 'sd', 'coverage', 'n_used']
        """
        rows = {}
        for j, name in enumerate(self.names):
            used = self.estimates[self.converged, j]
            finite = used[np.isfinite(used)]
            mean = float(finite.mean()) if len(finite) else np.nan
            sd = float(finite.std(ddof=1)) if len(finite) > 1 else np.nan
            held = self.held[self.converged, j]
            told = held[~np.isnan(held)]
            coverage = float(told.mean()) if len(told) else np.nan
            truth = float(self.assumed[j])
            rows[name] = (truth, mean, mean - truth, sd, coverage, len(finite))
        return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))

    def _page(self) -> infer.Page:
        table = self._table
        head = (table.title, self._sentence)
        return infer.Page((replace(table, title=""),), head=head, notes=self.notes)

    @property
    def _sentence(self) -> str:
        return f"{self.asked} at alpha = {self.alpha:g}"

    @property
    def _table(self) -> infer.Table:
        low, high = self.interval
        title = (
            f"{'Type-I error' if _is_true(self) else 'Power'} {self.power:.3f} "
            f"({low:.3f} to {high:.3f}), {self.n_simulations} studies of {self.n_rows} rows"
        )
        frame = self.to_frame()
        rows = tuple(
            (str(name), *(f"{value:.4g}" if np.isfinite(value) else "-" for value in numbers))
            for name, numbers in zip(frame.index, frame.to_numpy(dtype=float), strict=True)
        )
        return infer.Table(title, ("", *COLUMNS[:-1], "studies"), rows, 1)


def _is_true(found: Power) -> bool:
    """Whether what is to be rejected is true under the assumptions."""
    target = found.assumed_contrasts
    return bool(len(target) and np.all(np.abs(target) <= TRUE))


def _notes(found: Power) -> Iterator[str]:
    n, failed = found.n_simulations, [error for error in found.errors if error]
    if failed:
        yield (
            f"{len(failed)} of {n} studies have no answer, which counts as nothing shown; the "
            f"first: {failed[0]}"
        )
    n_stopped = int((~found.converged).sum()) - sum(
        1 for error, done in zip(found.errors, found.converged, strict=True) if error and not done
    )
    if n_stopped:
        yield f"{n_stopped} of {n} fits did not converge, which counts as nothing shown"
    n_singular = int(found.singular.sum())
    if n_singular:
        yield f"{n_singular} of {n} fits are singular: a variance is estimated as 0, or the like"
    size, sign = found.exaggeration, found.wrong_sign
    if np.isfinite(size):
        yield (
            f"in studies that reject it the estimate is on average {size:.2f} times what is "
            f"assumed, and has the wrong sign in {100 * sign:.2g} %"
        )
