"""A model that another program has fitted, and the differences of the two answers."""

import warnings
from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from suite_parts import plain

__all__ = [
    "Answer",
    "Case",
    "Difference",
    "Note",
    "compared",
    "family_of",
    "in_order",
    "largest",
    "relative",
    "stacked",
]


class Table(NamedTuple):
    """Estimates of a predictor, perhaps with standard errors, and R's names in another order."""

    estimates: Any
    std_errors: Any = None
    terms: Any = None


class Note(NamedTuple):
    """What is known of an answer, and the columns that say nothing therefore."""

    text: str
    left_out: tuple[str, ...] = ()


class Answer(NamedTuple):
    """What another program says of a model, in the units of skglmm."""

    program: str
    log_likelihood: float
    tables: dict[str | None, tuple[Any, ...]]  # fields of a Table, by predictor; None: location
    deviations: Any = None  # of random effects, in the order of skglmm
    note: Note | None = None


class Case(NamedTuple):
    """A model to be fitted, its rows, and an answer."""

    name: str
    model: Any
    rows: Any
    y: Any
    answer: Answer
    weights: Any = None
    topic: str = ""  # in place of the family
    deviations: Callable[[Any], Any] | None = None  # of the fitted model, if not all of them


class Difference(NamedTuple):
    """The largest differences of two answers to one model; nan where nothing is compared."""

    topic: str
    name: str
    formula: str
    n_rows: int
    log_likelihood: float  # ours less theirs
    coefficients: float  # in standard errors
    std_errors: float  # relative
    deviations: float  # relative
    program: str
    note: Note | None = None


COLUMNS = ("log_likelihood", "coefficients", "std_errors", "deviations")
# Families by the first words of their estimators.
FAMILIES = {
    "Beta": "Beta",
    "ZeroInflatedBeta": "Beta, with zeros or ones",
    "OrderedBeta": "Beta, with zeros or ones",
    "LMM": "Normal: linear mixed models",
    "Binomial": "Bernoulli and binomial",
    "BetaBinomial": "Beta-binomial",
    "Poisson": "Poisson",
    "NegativeBinomial": "Negative binomial",
    "GeneralizedPoisson": "Generalized Poisson",
    "ConwayMaxwellPoisson": "Conway-Maxwell-Poisson",
    "Gamma": "Gamma",
    "Lognormal": "Lognormal",
    "InverseGaussian": "Inverse Gaussian",
    "Tweedie": "Tweedie",
    "StudentT": "Student t",
    "Ordinal": "Ordered classes",
}
ZEROS = "Counts and trials: zero-inflated, hurdle, truncated"
REML = "Other families by REML"
STRUCTURES = "Structures"
REPEATED = "Repeated measures without a residual"
PRIORS = "Models with priors"
TOPICS = (*dict.fromkeys([*FAMILIES.values(), ZEROS, REML, STRUCTURES, REPEATED, PRIORS]),)
DISCRETE = ("Binomial", "BetaBinomial", "Poisson", "NegativeBinomial", "GeneralizedPoisson")
NOT_CONVERGED = Note("It says that its fit did not converge.", COLUMNS)
TOGETHER = ("glmmTMB", "statmod")  # whose standard errors are those of all parameters together
TINY = 0.1  # standard deviations below it are compared with it


def family_of(model: Any) -> str:
    """Return the title under which a model is listed."""
    kind = type(model).__name__.removesuffix("Regressor").removesuffix("Classifier")
    kind = kind.removesuffix("GLMM") if kind != "LMM" else kind
    options = model.get_params()
    if kind in DISCRETE and (options.get("zero") or options.get("truncated")):
        return ZEROS
    is_restricted = options.get("reml") and kind != "LMM"
    return REML if is_restricted else FAMILIES[kind]


def formula_of(model: Any) -> str:
    """Return the formulas of all predictors, and the options that are not the usual ones."""
    first = next(iter(model.formulas_))
    others = {key: text for key, text in model.formulas_.items() if key != first}
    shown = [model.formula_, *(f"{key} ~ {text}" for key, text in others.items() if text != "1")]
    options, usual = model.get_params(), signature(type(model)).parameters
    if options.get("zero") == "1":
        shown.append("zero ~ 1")
    for name in ("link", "thresholds", "exposure", "df"):
        value = options.get(name)
        if name in options and value is not None and value != usual[name].default:
            shown.append(f"{name} {value}")
    points = options.get("n_quadrature") or 1
    shown += [f"{points} points"] if points > 1 else []
    return "; ".join([*shown, *(["REML"] if options.get("reml") else [])])


def compared(case: Case) -> Difference:
    """Fit the model of a case, and compare."""
    model, answer = case.model, case.answer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(case.rows, case.y, case.weights)
        moved, errors = coefficients(model, answer)
    spread = np.nan
    if answer.deviations is not None and np.size(answer.deviations):
        own = case.deviations or (lambda model: model.variance_components()["sd"])
        spread = relative(own(model), answer.deviations, TINY)
    return Difference(
        case.topic or family_of(model),
        case.name,
        formula_of(model),
        model.n_obs_,
        model.log_likelihood_ - answer.log_likelihood,
        moved,
        errors,
        spread,
        answer.program,
        answer.note,
    )


def coefficients(model: Any, answer: Answer) -> tuple[float, float]:
    """Return the largest differences of coefficients and of standard errors."""
    fit, moved, errors = model.fit_, [np.nan], [np.nan]
    found = model.tidy(effects="fixed").set_index("component")
    for name, fields in answer.tables.items():
        own = fit.family.predictors[fit.family.location] if name is None else name
        if own not in found.index:
            continue
        mine, theirs = found.loc[[own]], Table(*fields)
        estimate = mine["estimate"].to_numpy(float)
        error = mine["std_error"].to_numpy(float)
        if any(each in answer.program for each in TOGETHER):
            error = errors_together(model, own)
        if theirs.terms is not None:
            places = [list(map(plain, mine["term"])).index(plain(each)) for each in theirs.terms]
        else:
            places = np.flatnonzero(np.isfinite(error)).tolist()  # without columns left out
        known, other = (
            np.atleast_1d(np.array(np.nan if each is None else each, dtype=float))
            for each in (theirs.estimates, theirs.std_errors)
        )
        error = error[places]
        moved.extend((estimate[places] - known) / np.where(np.isfinite(error), error, other))
        errors.extend(error / np.where(other > 0.0, other, np.nan) - 1.0)
    return largest(moved), largest(errors)


def errors_together(model: Any, predictor: str) -> np.ndarray:
    """Return standard errors of a predictor, from the covariance of all parameters."""
    place = model.fit_.family.predictors.index(predictor)
    variances = np.diag(model.vcov())[model.fit_.shape.beta(place)]
    return np.sqrt(variances)


def relative(mine: Any, known: Any, smallest: float = 0.0) -> float:
    """Return the largest difference, relative to what is known or to the smallest that counts."""
    mine, known = (np.ravel(each).astype(float) for each in (mine, known))
    return largest((mine - known) / np.maximum(np.abs(known), smallest))


def largest(differences: Any) -> float:
    sizes = np.abs(np.asarray(differences, dtype=float))
    return float(np.nanmax(sizes)) if np.isfinite(sizes).any() else np.nan


def stacked(parts: Iterable[Any]) -> np.ndarray:
    return np.concatenate([np.atleast_1d(np.array(part, dtype=float)) for part in parts])


def in_order(model: Any) -> np.ndarray:
    """Return standard deviations from the smallest on, as factors have another order in R."""
    return np.sort(model.variance_components()["sd"].to_numpy(float))
