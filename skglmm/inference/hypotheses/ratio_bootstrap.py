r"""Parametric bootstrap of likelihood-ratio tests: simulation from the smaller model.

Responses are simulated from the smaller fit, both models are fitted to each, and with B
replicates the p-value is :math:`(1 + \#\{LR^* \ge LR\}) / (1 + B)` [1]_.

References
----------
.. [1] Davison, A. C. & Hinkley, D. V. (1997). Bootstrap Methods and their Application.
   Cambridge University Press, chapter 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from skglmm.fitting import Fit, Options, Study, refit
from skglmm.inference.hypotheses.likelihood_ratio import LikelihoodRatio, ratio, ratio_std_error
from skglmm.inference.uncertainty.simulate import simulate_responses

__all__ = ["NestedModels", "simulated_ratio", "with_replicates"]


@dataclass(frozen=True)
class NestedModels:
    """Two nested models and the rows that both are fitted to.

    Parameters
    ----------
    studies : tuple of Study, length 2
        Of the smaller and the larger model, without weights, with the rows in one order.
    fits : tuple of Fit, length 2
    options : tuple of Options, length 2
        When the optimizer stops.
    """

    studies: tuple[Study, Study]
    fits: tuple[Fit, Fit]
    options: tuple[Options, Options]


def simulated_ratio(nested_models: NestedModels, rng: np.random.Generator) -> float:
    """Return the statistic of a response that is simulated from the smaller model.

    Parameters
    ----------
    nested_models : NestedModels
    rng : Generator

    Returns
    -------
    float
        NaN where one of the models cannot be fitted or does not converge, and where the larger
        one has the lower log likelihood.
    """
    y = simulate_responses(nested_models.fits[0], nested_models.studies[0], rng)
    fits = []
    for study, fit, options in zip(
        nested_models.studies, nested_models.fits, nested_models.options, strict=True
    ):
        try:
            fits.append(refit(study.with_response(y), fit, options))
        except (ArithmeticError, ValueError):  # a likelihood or a matrix that is not finite
            return np.nan
    smaller, larger = (each.log_likelihood if each.converged else np.nan for each in fits)
    return ratio(smaller, larger, ratio_std_error(*fits))


def with_replicates(test: LikelihoodRatio, statistics: Sequence[float]) -> LikelihoodRatio:
    """Return a test with the p-value of simulated statistics in place of theory's.

    Parameters
    ----------
    test : LikelihoodRatio
    statistics : sequence of float
        Of simulated responses, NaN where a fit failed.

    Raises
    ------
    ValueError
        When no replicate succeeded.
    """
    replicates = np.array(statistics, dtype=np.float64)
    used = replicates[np.isfinite(replicates)]
    if not used.size:
        msg = (
            f"in none of {len(replicates)} simulated responses did both models converge; "
            "simplify the larger model, or raise max_iter"
        )
        raise ValueError(msg)
    n_extreme = int((used >= test.statistic).sum())
    counted = f"{n_extreme} of {len(used)} responses simulated from the smaller model"
    notes = [f"{counted} have a ratio at least as large"]
    if len(used) < len(replicates):
        n_failed = len(replicates) - len(used)
        notes.append(f"{n_failed} of {len(replicates)} replicates failed and are left out")
    return replace(
        test,
        p_value=(1.0 + n_extreme) / (1.0 + len(used)),
        method="bootstrap",
        mixture=(),
        notes=(*notes, *test.notes[1:]),  # the first is about theory
        replicates=replicates,
    )
