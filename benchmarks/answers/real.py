"""Real and positive responses, structures, REML and priors: answers of glmmTMB, lme4 and others."""

import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from answers.discrete import made_of_shares
from answers.files import program, read, table_of
from answers.record import (
    PRIORS,
    REML,
    REPEATED,
    STRUCTURES,
    Answer,
    Case,
    Note,
    in_order,
)
from skglmm import LMMRegressor, PoissonGLMMRegressor, StudentTGLMMRegressor

__all__ = [
    "amounts",
    "factorial",
    "linear",
    "positive",
    "priors",
    "repeated",
    "restricted",
    "restricted_families",
    "structures",
]

CROSSED = "x + (1 + x | subject) + (1 | item)"
EXPECTED = Note(
    "Standard errors of glm are those of the expected information, which with the canonical link, "
    "inverse-squared, is the same.",
    ("std_errors",),
)
RESTRICTED = {  # name: formula, formula of the scale, program
    "crossed": ("x + (x | subject) + (1 | item)", "1", "lme4"),
    "aliased": ("x + twice + (1 | subject)", "1", "lme4"),
    "units": ("far + (1 | subject)", "1", "lme4"),
    "scale": ("x + (1 | subject)", "x", "glmmTMB"),
    "counts": ("x + (1 | subject) + (1 | item)", None, "glmmTMB"),
    "no random effects": ("x", "1", "R"),
}


def linear() -> Iterator[Case]:
    """A linear mixed model of two crossed factors, by maximum likelihood."""
    answers, (data, made) = read("families.json"), made_of_shares()
    case = answers["fits"][0]
    tables = {"mean": (case["mean"], case["std_error"])}
    known = Answer(program(answers), case["log_likelihood"], tables)
    yield Case("crossed-ml", LMMRegressor(CROSSED, reml=False), data, made["logit"], known)


def restricted() -> Iterator[Case]:
    """The same by REML, and counts."""
    answers, (data, made) = read("restricted.json"), made_of_shares()
    data["twice"], data["far"] = 2 * data["x"] + 1, 1e3 * data["x"] + 1e5
    for case in answers["fits"]:
        formula, scale, name = RESTRICTED[case["name"]]
        by = f"lm of {r_version(answers)}" if name == "R" else program(answers, name)
        tables = {"mean": (case["mean"], case["std_error"])}
        if scale is None:
            model, y = PoissonGLMMRegressor(formula, reml=True), made["count"]
        else:
            model, y = LMMRegressor(formula, scale=scale), made["logit"]
        known = Answer(by, case["log_likelihood"], tables, np.sort(case["sds"]))
        name = case["name"].replace(" ", "-")
        yield Case(f"reml-{name}", model, data, y, known, deviations=in_order)


def r_version(answers: dict[str, Any]) -> str:
    return "R " + answers["versions"]["R"].split()[2]


def factorial() -> Iterator[Case]:
    """Unbalanced experiments, of which degrees of freedom are known, too."""
    from test_degrees_of_freedom import FORMULAS, plain, plainly, rows_of  # noqa: PLC0415

    answers = read("degrees_of_freedom.json")
    for case in answers["fits"]:
        name, table = case["name"], case["coefficients"]["Satterthwaite"]
        if name == "sums":  # contrasts that add up to zero: the same model as "factorial"
            continue
        rows, y = rows_of(name), "plain" if name == "singular" else "y"
        model = LMMRegressor(FORMULAS[name], reml=name != "maximum likelihood")
        order = [plain(each) for each in coefficient_names(FORMULAS[name], rows, rows[y])]
        known = {plainly(term): j for j, term in enumerate(table["term"])}
        places = [known[each] for each in order if each in known]
        errors = np.array(table["std_error"])[places]
        tables = {"mean": (np.array(table["t"])[places] * errors, errors)}
        answer = Answer(program(answers, "lme4"), case["log_likelihood"], tables)
        yield Case(name.replace(" ", "-"), model, rows, rows[y], answer)


def coefficient_names(formula: str, rows: Any, y: Any) -> list[str]:
    fixed = formula.partition(" + (")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of cells without rows
        model = LMMRegressor(fixed).fit(rows, y)
    return list(model.tidy(effects="fixed")["term"][:-1])


def positive() -> Iterator[Case]:
    """Gamma, lognormal and inverse Gaussian responses."""
    from test_positive import GammaGLMMRegressor, InverseGaussianGLMMRegressor, made  # noqa: PLC0415

    answers, data = read("positive.json"), read("simulated_positive.csv")
    for case in answers["fits"]:
        model, power = made(case)
        spread = "dispersion" if isinstance(model, GammaGLMMRegressor) else "scale"
        first = "mean" if spread == "dispersion" else "median"
        tables = {first: table_of(case["mean"]), spread: table_of(case["dispersion"], power)}
        if case["zero"]["estimate"] not in ([], None):
            tables["zero"] = table_of(case["zero"])
        n_effects = 2 if "(x |" in case["mean_formula"] else 1
        deviations = np.exp(np.atleast_1d(case["theta"])[:n_effects])
        known = Answer(program(answers), case["log_likelihood"], tables, deviations)
        name, y = f"{case['response']}-{case['link']}", data[case["response"]]
        which = (lambda model: model.variance_components()["sd"][:1]) if n_effects == 1 else None
        yield Case(name, model, data, y, known, deviations=which)
    for case in answers["passage"]:
        link = {"1/mu^2": "inverse-squared"}.get(case["link"], case["link"])
        tables = {
            "mean": (case["estimate"], case["std_error"]),
            "dispersion": (np.log(case["dispersion"]), None),
        }
        by = f"glm of {r_version(answers)}"
        model = InverseGaussianGLMMRegressor("x", link=link)
        note = None if link == "inverse-squared" else EXPECTED
        known = Answer(by, case["log_likelihood"], tables, None, note)
        yield Case(f"passage-{link}", model, data, data["passage"], known)


def amounts() -> Iterator[Case]:
    """Tweedie and Student t."""
    from test_amounts_and_tails import MODELS  # noqa: PLC0415  # tests are no package

    answers, data = read("tweedie_student.json"), read("simulated_amounts.csv")
    for case in answers["cases"]:
        kind, _, second = case["name"].partition(", ")
        make, response = MODELS[kind]
        spread = "scale" if make is StudentTGLMMRegressor else "dispersion"
        tables = {
            "mean": (case["fixed"], case["std_error"]),
            spread: (case["dispersion"], None),
        }
        known = Answer(program(answers), case["log_likelihood"], tables, case["sd"])
        model = make("x + (1 | g)", **({second: "x"} if second else {}))
        name = case["name"].replace(", ", "-")
        yield Case(name, model, data, data[response], known)


def restricted_families() -> Iterator[Case]:
    """REML of counts, trials, shares, amounts and heavy tails."""
    from sklearn.base import clone  # noqa: PLC0415
    from test_generalized_restricted import MODELS, X, Y  # noqa: PLC0415

    answers = read("generalized_restricted.json")
    for case in answers["fits"]:
        name, tables = case["name"], {"mean": (case["mean"], case["std_error"])}
        known = Answer(program(answers), case["log_likelihood"], tables, case["sds"])
        yield Case(f"reml-{name}", clone(MODELS[name]), X, Y[name], known, topic=REML)
    for case in answers["smooths"]:
        name, tables = case["name"], {"mean": (case["mean"], None)}
        known = Answer(program(answers, "mgcv"), case["log_likelihood"], tables, case["sd"])
        model = clone(MODELS[name]).set_params(formula="x + (1 | g)")
        yield Case(f"reml-{name}-intercept", model, X, Y[name], known, topic=REML)


def structures() -> Iterator[Case]:
    """Times, places and a latent variable: natural parameters, or standard deviations."""
    answers, data = read("structures.json"), read("simulated_structures.csv")
    for case in answers["cases"]:
        formula = case["formula"]
        if case["family"] == "poisson":
            model = PoissonGLMMRegressor(formula)
        else:
            model = LMMRegressor(formula, reml=case["reml"])
        numbers = case["numbers"]
        known = Answer(program(answers), case["log_likelihood"], {}, numbers or case["sds"])
        kind = re.search(r"(\w+)\([^(]*(\([^(]*)?\|", formula)[1]
        how = natural_numbers if numbers else sds
        yield Case(
            f"{kind}-{case['response'].replace('_', '-')}",
            model,
            data,
            data[case["response"]],
            known,
            topic=STRUCTURES,
            deviations=how,
        )


def natural_numbers(model: Any) -> Any:
    return model.tidy("random")["estimate"]


def sds(model: Any) -> np.ndarray:
    root = model.fit_.lambdas[0]
    return np.sqrt(np.sum(root**2, axis=1))


def priors() -> Iterator[Case]:
    """The estimates of largest posterior density."""
    import test_priors  # noqa: PLC0415  # tests are no package

    answers = read("priors.json")
    parts = {"mean": "beta", "zero": "betazi", "precision": "betad"}
    n_deviations = {"slopes": 2, "separated": 1, "parts": 2}
    for name, case in answers["cases"].items():
        model, X, y = getattr(test_priors, name)()
        found, errors = case["estimate"], case["std_error"]
        tables = {own: (found[key], errors[key]) for own, key in parts.items() if key in found}
        theta = [np.atleast_1d(found[key]) for key in ("theta", "thetazi") if key in found]
        deviations = np.exp(np.concatenate(theta))[: n_deviations[name]]
        known = Answer(program(answers), case["log_likelihood"], tables, deviations)
        yield Case(name, model, X, y, known, topic=PRIORS)


def repeated() -> Iterator[Case]:
    """Visits of subjects, some of them missed, without a residual."""
    import test_repeated_measures as study  # noqa: PLC0415  # tests are no package

    X, y = study.trial()
    for structure, both in study.IN_R.items():
        for is_restricted, log_likelihood in zip((True, False), both, strict=True):
            if log_likelihood is None:
                continue
            by = "glmmTMB 1.1.5" if structure == study.TOEP else "nlme 3.1-162"
            has_more = is_restricted and structure in study.FIXED
            tables = {"mean": study.FIXED[structure]} if has_more else {}
            numbers = study.NATURAL[structure] if has_more else None
            model = LMMRegressor(f"drug * visit + {structure}", scale="0", reml=is_restricted)
            known = Answer(by, log_likelihood, tables, numbers)
            kind = structure.rpartition("(")[0].split(" + ")[-1]
            first = "intercept-" if structure == study.INTERCEPT else ""
            name = f"{first}{kind}-{'reml' if is_restricted else 'ml'}"
            yield Case(name, model, X, y, known, topic=REPEATED, deviations=natural_numbers)
