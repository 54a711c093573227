"""What a fit has to say about itself, in sentences."""

from collections.abc import Iterator
from typing import NamedTuple

from skglmm.fitting import Fit

__all__ = ["Note", "notes"]


class Note(NamedTuple):
    """One finding.

    Parameters
    ----------
    kind : {"convergence", "singular", "aliased", "capped"}
    text : str
        A sentence that says what was found, and what to do.
    """

    kind: str
    text: str


def notes(fit: Fit) -> tuple[Note, ...]:
    """Return the findings about a fit.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    tuple of Note
        Empty for a healthy fit.
    """
    return (*_convergence(fit), *_singular(fit), *_aliased(fit), *_capped(fit))


def _convergence(fit: Fit) -> Iterator[Note]:
    if not fit.converged:
        text = (
            f"the optimizer did not converge in {fit.n_iterations} iterations ({fit.message}): "
            f"about {fit.gain:.2g} log-likelihood units are left to gain. Raise max_iter, or "
            "simplify the random effects"
        )
        yield Note("convergence", text)


def _singular(fit: Fit) -> Iterator[Note]:
    for sentence in fit.singular:
        text = (
            f"the fit is singular: {sentence}. The estimates are valid, on the boundary of their "
            "range; a simpler random-effects term fits as well"
        )
        yield Note("singular", text)


def _aliased(fit: Fit) -> Iterator[Note]:
    for k, columns in enumerate(fit.aliased):
        names = [fit.layout.coefficients[k][j] for j in columns]
        if names:
            text = (
                f"dropped from the {fit.layout.predictors[k]}: {', '.join(map(repr, names))}; "
                "constant, or a linear combination of the columns before, so the data do not "
                "determine the coefficient, which is set to 0"
            )
            yield Note("aliased", text)


def _capped(fit: Fit) -> Iterator[Note]:
    for name in fit.capped:
        ceiling = fit.family.ceilings[fit.layout.predictors.index(name)]
        text = (
            f"the {name} stopped at its largest value, {ceiling:.4g} on its link's scale: the "
            "model reproduces the responses almost exactly, so the data do not determine it and "
            "standard errors mean little. Simplify the model, or look for rows that repeat others"
        )
        yield Note("capped", text)
