"""Who fits a workload: skglmm with each of its solvers, and the programs that are installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.machine import r_versions, version_of
from harness.workloads import Workload

__all__ = [
    "NAMES",
    "RIVALS",
    "R_PACKAGES",
    "SOLVERS",
    "Contender",
    "contenders",
    "is_exact",
    "versions",
]

# What each program calls a family; one that is not here is not fitted by it. The log likelihood of
# linear mixed models of gpboost is not the restricted one.
NAMES: dict[str, dict[str, str]] = {
    "glmm": {
        "gaussian": "gaussian",
        "binomial": "binomial",
        "poisson": "poisson",
        "negative binomial": "negativebinomial",
        "gamma": "gamma",
    },
    "gpboost": {"binomial": "bernoulli_logit", "poisson": "poisson"},
    "lme4": {"gaussian": "gaussian()", "binomial": "binomial()", "poisson": "poisson()"},
    "glmmTMB": {
        "binomial": "binomial()",
        "poisson": "poisson()",
        "negative binomial": "nbinom2()",
        "zero-inflated negative binomial": "nbinom2()",
        "gamma": 'Gamma("log")',
        "tweedie": "tweedie()",
        "beta": "beta_family()",
    },
    "clmm": {"ordinal": ""},
}
RIVALS = tuple(NAMES)
SOLVERS = ("direct", "iterative")
R_PACKAGES = {"lme4": "lme4", "glmmTMB": "glmmTMB", "clmm": "ordinal"}
ESTIMATED = {"skglmm iterative", "gpboost"}  # whose log likelihoods depend on a seed
BEFORE = " before"  # the end of labels of another revision


@dataclass(frozen=True)
class Contender:
    """A program, with the solver if it is skglmm, and perhaps the folder of another revision."""

    program: str
    solver: str = "auto"
    folder: Path | None = None

    @property
    def label(self) -> str:
        """What tables and records call it."""
        name = self.program if self.solver == "auto" else f"{self.program} {self.solver}"
        return name if self.folder is None else name + BEFORE


def is_exact(label: str) -> bool:
    """Whether a log likelihood does not depend on a seed."""
    return label.removesuffix(BEFORE) not in ESTIMATED


def is_installed(program: str) -> bool:
    if program in R_PACKAGES:
        return R_PACKAGES[program] in r_versions()
    return find_spec(program) is not None


def contenders(
    workload: Workload,
    rivals: Sequence[str],
    solvers: Sequence[str] | None = None,
    before: Path | None = None,
) -> list[Contender]:
    """Return who fits a workload, skglmm first."""
    kinds = [each for each in workload.solvers if each in {"auto", *(solvers or SOLVERS)}]
    folders = (None,) if before is None else (None, before)
    own = [Contender("skglmm", kind, folder) for folder in folders for kind in kinds]
    others = [Contender(each) for each in rivals if fits(each, workload)]
    if "gpboost" in {each.program for each in others} and len(workload.groups) > 1:
        others.append(Contender("gpboost", "cholesky"))  # its default estimates
    return own + [each for each in others if each.label not in workload.beyond]


def fits(program: str, workload: Workload) -> bool:
    if program == "gpboost" and workload.has_slopes:  # it has no correlations of effects
        return False
    has_family = workload.family in NAMES[program]
    return has_family and is_installed(program)


def versions(rivals: Sequence[str]) -> dict[str, str]:
    """Return the versions of the programs that are installed."""
    there = [each for each in rivals if is_installed(each)]
    of_r = {each: r_versions()[R_PACKAGES[each]] for each in there if each in R_PACKAGES}
    return {each: version_of(each) for each in there if each not in R_PACKAGES} | of_r
