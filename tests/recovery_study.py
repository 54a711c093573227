"""Whether estimates of yes-or-no data of small groups find the truth: simulated studies."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import expit

from skglmm import BinomialGLMMClassifier, SingularFitWarning


@dataclass(frozen=True)
class YesOrNo:
    """Classes of groups whose intercepts vary: x varies in groups, t between them."""

    n_groups: int = 50
    n_rows: int = 5  # of each group
    intercept: float = -0.3
    x: float = 0.8
    t: float = 0.5
    sd: float = 1.5
    formula: str = "x + t + (1 | g)"

    def simulated(self, rng):
        group = np.repeat(np.arange(self.n_groups), self.n_rows)
        x, t = rng.normal(size=group.size), rng.permuted(np.arange(self.n_groups) % 2)[group]
        shift = self.sd * rng.normal(size=self.n_groups)[group]
        eta = self.intercept + self.x * x + self.t * t + shift
        X = pd.DataFrame({"x": x, "t": t.astype(float), "g": group})
        return X, rng.random(group.size) < expit(eta)


def recovered(study, n_sets, *, n_quadrature=11, seed=0, n_jobs=2):
    """Return a frame with a row for each data set: estimates, and whether limits hold the truth."""
    seeds = np.random.SeedSequence(seed).spawn(n_sets)
    return pd.DataFrame(
        Parallel(n_jobs)(delayed(_one)(study, each, n_quadrature) for each in seeds)
    )


def _one(study, seed, n_quadrature):
    X, y = study.simulated(np.random.default_rng(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularFitWarning)  # an estimate of 0 is an answer
        model = BinomialGLMMClassifier(study.formula, n_quadrature=n_quadrature).fit(X, y)
    limits = model.confint()
    found = {"singular": model.is_singular_, "converged": model.converged_}
    for name in model.coef_names_:
        low, high = limits.loc[name, ["conf_low", "conf_high"]]
        truth = getattr(study, name)
        estimate = float(model.coef_[list(model.coef_names_).index(name)])
        found |= {name: estimate, f"{name} held": low < truth < high}
    low, high = limits.loc["sd(Intercept | g)", ["conf_low", "conf_high"]]
    sd = float(abs(model.fit_.lambdas[0][0, 0]))
    return found | {"sd": sd, "sd held": low < study.sd < high}
