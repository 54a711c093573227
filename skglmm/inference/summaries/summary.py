"""The summary of a fit: a record that prints as text and shows as HTML."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from skglmm.arrays import Floats
from skglmm.fitting import Fit
from skglmm.inference.degrees_of_freedom.choose import reference
from skglmm.inference.degrees_of_freedom.reference import Reference
from skglmm.inference.parameters.natural import derived
from skglmm.inference.parameters.smooth_tests import SmoothTest, smooth_tests
from skglmm.inference.parameters.wald import (
    Coefficients,
    Component,
    coefficient_tables,
    constant_level,
    variance_components,
    with_errors,
)
from skglmm.inference.report.few_groups import few_groups
from skglmm.inference.report.hardly_known import scarce_df
from skglmm.inference.report.notes import notes
from skglmm.inference.report.printed import Printed
from skglmm.inference.report.text import Page, Table

__all__ = ["Summary", "summarize"]

MOST_ROWS, SHOWN = 12, 8  # parameters of a structure, all of which are shown or the first
UNGROUPED = ("1", 1)  # name and levels of what all rows have together, no grouping factor
_ABSENT = "-"  # shown for a number that is not available


@dataclass(frozen=True, repr=False)
class Summary(Printed):
    """What is worth knowing about a fitted model; prints like R's summary.

    Parameters
    ----------
    formula : str
    family, links : str, mapping of str to str
        Name of the family, and of the link of each linear predictor.
    response : str
        What y is: "a response on (0, 100)", "counts".
    n_samples, n_params : int
    n_levels : mapping of str to int
    log_likelihood, aic, bic : float
        Of the response on its own scale.
    components : tuple of Component
        Random effects, term by term.
    coefficients : tuple of Coefficients
        Fixed effects, one table for each linear predictor.
    levels : mapping of str to (float, float)
        Value and standard error of the predictors that are one number, through their link, and
        of what the family derives from them, such as the upper cut point of an ordered beta.
    converged : bool
    n_iterations : int
        Of the optimizer.
    notes : tuple of str
        Findings in words: no convergence, singularity, columns left out, rows moved.
    is_restricted : bool, default=False
        Whether fixed effects are integrated out of the likelihood, as by REML.
    approximation : str, default=""
        Of the likelihood, where it is not Laplace's: "adaptive quadrature, 5 points".
    df_method : str, default="normal"
        Where the degrees of freedom of the coefficients come from.
    blocks : mapping of str to str
        Of some `levels`, the head under which they are listed together.
    priors : mapping of str to str, default={}
        Of parameters, whose estimates are posterior modes.
    log_prior : float, default=0.0
        Their log density at the estimates, which is no part of the log likelihood.
    is_unordered : bool, default=False
        Whether linear predictors are those of classes without an order, and have their names.
    smooths : tuple of SmoothTest, default=()
        Curves of smooth terms.

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> summary = model.summary()
    >>> print(summary.components[0].group, summary.components[0].sd.round(2))
    batch [0.52]
    >>> print(summary.coefficients[0].names, summary.coefficients[0].estimate.round(3))
    ('Intercept', 'EP') [-5.182  0.011]
    """

    formula: str
    family: str
    links: Mapping[str, str]
    response: str
    n_samples: int
    n_params: int
    n_levels: Mapping[str, int]
    log_likelihood: float
    aic: float
    bic: float
    components: tuple[Component, ...]
    coefficients: tuple[Coefficients, ...]
    levels: Mapping[str, tuple[float, float]]
    converged: bool
    n_iterations: int
    notes: tuple[str, ...]
    is_restricted: bool = False
    approximation: str = ""
    df_method: str = "normal"
    blocks: Mapping[str, str] = field(default_factory=dict)
    priors: Mapping[str, str] = field(default_factory=dict)
    log_prior: float = 0.0
    is_unordered: bool = False
    smooths: tuple[SmoothTest, ...] = ()
    log_likelihood_std_error: float = 0.0

    def _page(self) -> Page:
        end = _outcome(self) if self.converged else ""
        return Page(tuple(_tables(self)), tuple(_head(self)), self.notes, "Notes", end)


def summarize(
    fit: Fit,
    formula: str,
    *,
    response: str = "a response",
    remarks: Sequence[str] = (),
    df: str = "auto",
) -> Summary:
    """Collect the summary of a fit.

    Parameters
    ----------
    fit : Fit
    formula : str
        The model as users write it.
    response : str
        What y is, as the first line ends.
    remarks : sequence of str
        Further notes.
    df : str
        What coefficients are compared with, see `reference`.

    Returns
    -------
    Summary

    Examples
    --------
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inference import summarize
    >>> X, y = load_petrol(return_X_y=True)
    >>> fit = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y).fit_
    >>> print(summarize(fit, "1 + EP + (1 | batch)", response="percentages"))
    Beta mixed regression of percentages
    Formula: 1 + EP + (1 | batch)
    Rows: 32; levels: batch 10
    ...
    """
    predictors, against = fit.layout.predictors, reference(fit, df)
    estimated = [(k, predictors[k]) for k in fit.family.estimated]
    constants = [(name, constant_level(fit, k)) for k, name in estimated]
    constants += [
        (each.name, (each.value, error)) for each, error in with_errors(fit, derived(fit))
    ]
    found = (*(note.text for note in notes(fit)), *_without_errors(fit), *_too_sure(fit, against))
    found += tuple(scarce_df(against))
    return Summary(
        formula=formula,
        family=fit.family.title,
        links={name: fit.family.links[k].name for k, name in estimated},
        response=response,
        n_samples=fit.n_samples,
        n_params=fit.n_params,
        n_levels=fit.layout.n_levels,
        log_likelihood=fit.log_likelihood,
        aic=fit.aic,
        bic=fit.bic,
        components=variance_components(fit),
        coefficients=coefficient_tables(fit, against),
        levels={name: level for name, level in constants if level is not None},
        converged=fit.converged,
        n_iterations=fit.n_iterations,
        notes=(*found, *remarks),
        is_restricted=bool(fit.integrated),
        approximation=fit.approximation.title if fit.layout.factors else "",
        df_method=against.title,
        blocks={each.name: each.block for each in fit.family.parameters if each.block},
        priors={name: str(density) for name, density in fit.priors.entries},
        log_prior=fit.log_prior,
        is_unordered=fit.family.is_unordered,
        smooths=smooth_tests(fit),
        log_likelihood_std_error=fit.log_likelihood_std_error,
    )


def _without_errors(fit: Fit) -> Iterator[str]:
    if fit.uncertainty is None:
        yield (
            "there are no standard errors: the model was fitted with inference=False, or the "
            "likelihood has no curvature at the estimates"
        )


def _too_sure(fit: Fit, against: Reference) -> Iterator[str]:
    if not against.has_df:
        remedy = "between-within" if fit.equations is None else "satterthwaite"
        for found in few_groups(fit):
            yield f"{found.sentence}; see summary(df={remedy!r})"


def _head(summary: Summary) -> list[str]:
    kind = "mixed regression" if summary.components else "regression"
    counts = [item for item in summary.n_levels.items() if item != UNGROUPED]
    levels = ", ".join(f"{name} {count}" for name, count in counts)
    counted = f"{summary.n_params} parameter{'s' * (summary.n_params != 1)}"
    criteria = f"AIC: {summary.aic:.4f}; BIC: {summary.bic:.4f}"
    likelihood = "Restricted log likelihood (REML)" if summary.is_restricted else "Log likelihood"
    likelihood += f" ({summary.approximation})" if summary.approximation else ""
    value = f"{summary.log_likelihood:.4f}"
    if summary.log_likelihood_std_error:
        value += f" with a standard error of {summary.log_likelihood_std_error:.1g}"
    penalized = f"Penalized: estimates are posterior modes; log prior: {summary.log_prior:.4f}"
    return [
        f"{summary.family} {kind} of {summary.response}",
        f"Formula: {summary.formula}",
        f"Rows: {summary.n_samples}" + (f"; levels: {levels}" if levels else ""),
        f"{likelihood}: {value} ({counted}); {criteria}",
        *([penalized] if summary.priors else []),
    ]


def _outcome(summary: Summary) -> str:
    count = summary.n_iterations
    return f"Converged in {count} iteration{'s' * (count != 1)}"


def _tables(summary: Summary) -> Iterator[Table]:
    yield from _random_tables(summary.components)
    for table in summary.coefficients:
        if table.predictor in summary.blocks:
            continue
        if table.predictor in summary.levels:
            yield _level_table(table.predictor, *summary.levels[table.predictor])
            continue
        curves = [each for each in summary.smooths if each.predictor == table.predictor]
        in_curves = {name for each in curves for name in each.trends}
        if not in_curves.issuperset(table.names):
            yield _coefficient_table(table, summary, in_curves)
        if curves:
            yield _smooth_table(curves)
    for block in dict.fromkeys(summary.blocks.values()):
        names = [name for name, own in summary.blocks.items() if own == block]
        yield _block_table(block, {name: summary.levels[name] for name in names})
    for name in [name for name in summary.levels if name not in summary.links]:
        yield _level_table(name, *summary.levels[name])
    if summary.priors:
        yield Table("Priors", ("", "density"), tuple(summary.priors.items()), 2)


def _random_tables(components: Sequence[Component]) -> Iterator[Table]:
    plain = [component for component in components if not component.structure]
    if plain:
        yield _variance_table(plain)
    yield from (_structure_table(component) for component in components if component.structure)


def _variance_table(components: Sequence[Component]) -> Table:
    n_corr = max(len(component.effects) for component in components) - 1
    rows = []
    for component in components:
        for i, effect in enumerate(component.effects):
            row = component.correlation[i, :i]
            shown = [_correlation(value) for value in row] + [""] * (n_corr - i)
            group = f"{component.group} ({component.n_levels})" if i == 0 else ""
            numbers = [_number(component.variance[i]), _number(component.sd[i])]
            rows.append((group, effect, *numbers, *shown))
    heads = ("group (levels)", "effect", "variance", "std. dev.", *(["corr."] + [""] * n_corr))
    return Table("Random effects", heads[: 4 + n_corr], tuple(rows), 2)


def _structure_table(component: Component) -> Table:
    """What effects of times, places or individuals have in common."""
    rows = [(name, _number(value), _number(error)) for name, value, error in component.parameters]
    if len(rows) > MOST_ROWS:
        rows = [*rows[:SHOWN], (f"... {len(rows) - SHOWN} more", "", "")]
    count = f"{component.n_levels} level{'s' * (component.n_levels != 1)}"
    of = f"{component.group} ({count})"
    if (component.group, component.n_levels) == UNGROUPED:
        of = "all rows together"
    title = f"Random effects, {component.structure}; {of}"
    return Table(title, ("", "estimate", "std. error"), tuple(rows), 1)


def _coefficient_table(table: Coefficients, summary: Summary, hidden: Collection[str]) -> Table:
    """Coefficients of a predictor but for those of its curves, which have other tests."""
    columns = [
        ("estimate", map(_number, table.estimate)),
        ("std. error", map(_number, table.std_error)),
        ("z", map(_fixed, table.statistic)),
        ("p", map(_p_value, table.p_value)),
    ]
    name = f"class {table.predictor}" if summary.is_unordered else table.predictor
    title = f"Fixed effects of the {name}, {summary.links[table.predictor]} scale"
    if np.isfinite(table.df).any():
        columns[2:3] = [("df", map(_fixed, table.df)), ("t", map(_fixed, table.statistic))]
        title += f"; degrees of freedom: {summary.df_method}"
    rows = zip(table.names, *(cells for _, cells in columns), strict=True)
    kept = tuple(row for row in rows if row[0] not in hidden)
    return Table(title, ("", *(head for head, _ in columns)), kept, 1)


def _smooth_table(curves: Sequence[SmoothTest]) -> Table:
    """Curves: effective degrees of freedom, standard deviations of the bends, tests."""
    statistic = "F" if np.isfinite(curves[0].residual_df) else "chi2"
    rows = [
        (
            each.name,
            _fixed(each.edf),
            ", ".join(_number(value) for _, value, _ in each.sds),
            _fixed(each.reference_df),
            _fixed(each.statistic),
            _p_value(each.p_value),
        )
        for each in curves
    ]
    heads = ("", "edf", "sd of bends", "ref. df", statistic, "p")
    return Table(f"Smooth terms of the {curves[0].predictor}", heads, tuple(rows), 1)


def _level_table(name: str, value: float, error: float) -> Table:
    return _block_table(name, {name: (value, error)})


def _block_table(title: str, levels: Mapping[str, tuple[float, float]]) -> Table:
    rows = tuple((name, *map(_number, pair)) for name, pair in levels.items())
    return Table(title.capitalize().replace("_", " "), ("", "estimate", "std. error"), rows, 1)


def _number(value: float) -> str:
    return f"{value:.5g}" if np.isfinite(value) else _ABSENT


def _fixed(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else _ABSENT


def _correlation(value: float | Floats) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""


def _p_value(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else _ABSENT
