"""How often intervals hold the truth: simulated studies whose truth is known."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import expit

from skglmm import BetaGLMMRegressor, SingularFitWarning

QUESTIONS = {
    "mean of a seen group": ("mean", "seen"),
    "mean of a new group": ("mean", "new"),
    "mean of a typical group": ("mean", "typical"),
    "average over groups": ("mean", "average"),
    "response of a seen group": ("response", "seen"),
    "response of a new group": ("response", "new"),
}
KINDS = {"seen": "conditional", "new": "conditional", "typical": "fixed", "average": "marginal"}
OUTLYING, FAR = "mean of an outlying group", 1.5  # standard deviations of the intercepts
EDGE = 1e-9  # generators round Beta draws to 0 or 1 when a shape is small
GRID = np.array([-1.5, -0.5, 0.5, 1.5])  # covariates that typical and average means are asked at


@dataclass(frozen=True)
class Study:
    """Beta responses of groups whose intercepts and slopes vary."""

    n_groups: int
    n_rows: int = 12  # of each group
    beta: tuple[float, float] = (0.4, 0.6)
    sd: tuple[float, float] = (0.8, 0.4)
    corr: float = 0.3
    phi: float = 10.0

    @property
    def covariance(self):
        outer = np.outer(self.sd, self.sd)
        return np.where(np.eye(2, dtype=bool), outer, self.corr * outer)

    def effects(self, rng):
        return rng.multivariate_normal(np.zeros(2), self.covariance, self.n_groups)

    def eta(self, x, effects=0.0):
        return np.sum((np.array(self.beta) + effects) * np.column_stack([np.ones_like(x), x]), 1)

    def responses(self, mean, rng):
        draws = rng.beta(self.phi * mean, self.phi * (1 - mean))
        return draws.clip(EDGE, 1 - EDGE)

    def average(self, x):
        """Means over all groups there could be: Gauss-Hermite, which is exact to rounding."""
        nodes, weights = hermegauss(60)
        z = np.column_stack([np.ones_like(x), x])
        sd = np.sqrt(np.einsum("ij,jk,ik->i", z, self.covariance, z))
        return expit(self.eta(x)[:, None] + sd[:, None] * nodes) @ weights / weights.sum()


def covered(study, n_sets, *, seed=0, n_jobs=2):
    """Return a frame with a row for each data set: the share of truths that each interval holds.

    Also the share among the seen groups whose intercepts lie far out, whether all limits
    lay inside the bounds, and whether the fit was singular.
    """
    seeds = np.random.SeedSequence(seed).spawn(n_sets)
    return pd.DataFrame(Parallel(n_jobs)(delayed(_one)(study, each) for each in seeds))


def _one(study, seed):
    rng = np.random.default_rng(seed)
    effects = study.effects(rng)
    group = np.repeat(np.arange(study.n_groups), study.n_rows)
    x = rng.normal(size=group.size)
    y = study.responses(expit(study.eta(x, effects[group])), rng)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of processes, too, which know no settings of pytest
        warnings.simplefilter("ignore", SingularFitWarning)  # an estimate of 0 is an answer
        model = BetaGLMMRegressor("x + (x | g)").fit(pd.DataFrame({"x": x, "g": group}), y)
        asked = _asked(study, effects, rng)
        found = {question: _held(model, asked, *QUESTIONS[question]) for question in QUESTIONS}
    shares = {question: np.mean(hits) for question, (hits, _) in found.items()}
    far = np.abs(effects[:, 0]) > FAR * study.sd[0]
    shares[OUTLYING] = np.mean(found["mean of a seen group"][0][far]) if far.any() else np.nan
    inside = all(is_inside for _, is_inside in found.values())
    return shares | {"inside": inside, "singular": model.is_singular_}


def _asked(study, effects, rng):
    """Rows, their true means, and new responses: of seen groups, new ones, and of none."""
    number = np.arange(study.n_groups)
    asked = {}
    for whose, b, label in (("seen", effects, 0), ("new", study.effects(rng), 1_000_000)):
        x = rng.normal(size=study.n_groups)
        mean = expit(study.eta(x, b))
        rows = pd.DataFrame({"x": x, "g": number + label})
        asked[whose] = (rows, {"mean": mean, "response": study.responses(mean, rng)})
    rows = pd.DataFrame({"x": GRID})
    asked["typical"] = (rows, {"mean": expit(study.eta(GRID))})
    asked["average"] = (rows, {"mean": study.average(GRID)})
    return asked


def _held(model, asked, target, whose):
    """Whether the interval of each row holds the truth, and all limits lie inside the bounds."""
    rows, truth = asked[whose]
    low, high = model.predict_interval(rows, target, kind=KINDS[whose]).T
    inside = bool(np.all((low > 0) & (low < high) & (high < 1)))
    return (low < truth[target]) & (truth[target] < high), inside
