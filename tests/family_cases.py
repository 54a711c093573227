"""All families with points at which the tests look at them."""

from itertools import combinations_with_replacement

import numpy as np
from count_families import SmallGeometric, SmallThinned
from oracles import Gaussian as Normal
from scipy.special import expit

from skglmm.families import (
    LINKS,
    Bernoulli,
    Beta,
    BetaBinomial,
    Binomial,
    ConwayMaxwellPoisson,
    ExtendedBeta,
    FixedExtendedBeta,
    FixedStudentT,
    FixedTweedie,
    Gamma,
    Gaussian,
    GeneralizedPoisson,
    Hurdle,
    InverseGaussian,
    Log,
    Lognormal,
    Multinomial,
    NegativeBinomial,
    OneInflatedBeta,
    OrderedBeta,
    Poisson,
    Role,
    Sqrt,
    StudentT,
    Truncated,
    Tweedie,
    ZeroInflated,
    ZeroInflatedBeta,
    ZeroOneInflatedBeta,
)

BETAS = [Beta(links=(link, Log())) for link in LINKS.values()]
TWO_PART = [ZeroInflatedBeta(), OneInflatedBeta(), ZeroOneInflatedBeta(), OrderedBeta()]
STRETCHED = [ExtendedBeta(), FixedExtendedBeta()]
BOUNDARY = [*TWO_PART, *STRETCHED]
GAUSSIANS = [Gaussian(links=(link, Log())) for link in Gaussian().parameters[0].links]
GAMMAS = [Gamma(links=(link, Log())) for link in Gamma().parameters[0].links]
INVERSE_GAUSSIANS = [
    InverseGaussian(links=(link, Log())) for link in InverseGaussian().parameters[0].links
]
TWEEDIES = [Tweedie(), FixedTweedie(power=1.3)]
STUDENTS = [StudentT(links=(link, Log(), Log())) for link in StudentT().parameters[0].links]
STUDENTS.append(FixedStudentT(df=5.0))
POSITIVE = [*GAMMAS, *INVERSE_GAUSSIANS, Lognormal()]
POISSONS = [Poisson(links=(link,)) for link in Poisson().parameters[0].links]
NEGATIVE_BINOMIALS = [
    NegativeBinomial(growth=growth).with_link(link)
    for growth in ("quadratic", "linear")
    for link in Poisson().parameters[0].links
]
DISPERSED = [GeneralizedPoisson(), ConwayMaxwellPoisson()]  # others in test_dispersed_counts.py
BERNOULLIS = [Bernoulli(links=(link,)) for link in Bernoulli().parameters[0].links]
TRIALS = [Binomial(), BetaBinomial()]  # with other links in test_trial_families.py
DISCRETE = [
    *POISSONS,
    *NEGATIVE_BINOMIALS,
    *DISPERSED,
    *BERNOULLIS,
    *TRIALS,
    Multinomial(labels=("bus", "car", "train")),
]
# Families of counts of which others are made; those of the tests have one predictor, and two.
COUNTS = [Poisson(), Poisson(links=(Sqrt(),)), SmallGeometric(), SmallThinned()]
COUNTS += [NegativeBinomial(), NegativeBinomial(growth="linear")]
COMBINED = [kind(family) for kind in (Truncated, ZeroInflated, Hurdle) for family in COUNTS]
COMBINED += [ZeroInflated(BetaBinomial()), ZeroInflated(ConwayMaxwellPoisson())]
COMBINED += [Truncated(GeneralizedPoisson())]
HURDLES = [Hurdle(Beta(), at=(1.0,)), Hurdle(Beta(), at=(0.0, 1.0))]
LINKED = [
    *BETAS,
    *BOUNDARY,
    *GAUSSIANS,
    *STUDENTS,
    *POSITIVE,
    *TWEEDIES,
    *DISCRETE,
    *COMBINED,
    *HURDLES,
]
HURDLES.extend(Hurdle(family) for family in (GAMMAS[0], INVERSE_GAUSSIANS[0], Lognormal()))
FAMILIES = [*LINKED, Normal()]

# Linear predictors where every link and both shapes of a beta are moderate, one row each.
_MODERATE = {
    "mean": np.array([-1.0, -0.5, 0.0, 0.5, -0.7, 0.2]),
    "median": np.array([-1.0, -0.5, 0.0, 0.5, -0.7, 0.2]),
    "precision": np.log([40.0, 25.0, 12.0, 30.0, 60.0, 400.0]),
    "scale": -0.5 * np.log([40.0, 25.0, 12.0, 30.0, 60.0, 400.0]),
    "dispersion": -np.log([40.0, 25.0, 12.0, 30.0, 1.5, 400.0]),
    "zero": np.array([-2.0, -1.0, 0.0, 0.7, -3.0, -1.5]),
    "one": np.array([-1.0, -2.5, 0.5, -0.3, 1.5, -2.0]),
    "lower_cut": np.array([-2.0, -1.0, -2.5, -0.3, -1.5, -2.0]),
    "cut_gap": np.log([3.0, 1.5, 4.0, 0.2, 5.0, 3.5]),
    "exceedance": np.log([0.1, 0.05, 0.3, 0.02, 0.2, 0.01]),
    "power": np.array([-1.0, 0.5, 0.0, 1.0, -0.7, 0.2]),
    "df": np.log([4.0, 30.0, 8.0, 1e3, 12.0, 5.5]),
    "seen": np.array([0.7, -0.5, 2.0, 0.0, 1.2, 3.0]),
    "car": np.array([-1.0, 0.5, 0.0, 2.5, -0.7, 0.2]),
    "train": np.array([-2.0, -1.5, 1.0, 0.5, 1.7, 0.0]),
    "trials": np.array([12.0, 40.0, 10.0, 25.0, 100.0, 15.0]),
}
_USUAL = {
    "zero": -1.0,
    "one": -1.5,
    "lower_cut": -1.7,
    "cut_gap": 1.1,
    "exceedance": -2.0,
    "power": -0.2,
    "df": np.log(6.0),
    "seen": np.log(2.0),
    "car": 0.4,
    "train": -0.6,
    "trials": 12.0,
}


def name(family):
    made_of = [type(family.family).__name__] if hasattr(family, "family") else []
    links = [link.name for link in family.links[:1]]
    growth = [
        each.growth for each in (family, getattr(family, "family", 0)) if hasattr(each, "growth")
    ]
    return "-".join([type(family).__name__, *made_of, *growth, *links])


def size(family):
    return len(family.predictors)


def moderate(family):
    """Six rows of linear predictors."""
    rows = [_MODERATE[each] for each in family.predictors]
    pairs = zip(family.predictors, rows, strict=True)
    rows = [_dispersed(family, row) if each == "dispersion" else row for each, row in pairs]
    return _placed(family, rows)


def _dispersed(family, log_dispersion):
    """Log dispersions that leave every count possible, and that differences can be taken of."""
    kind = getattr(family, "family", family)
    if isinstance(kind, GeneralizedPoisson):
        return np.minimum(np.logaddexp(0.5, log_dispersion), 12.0)
    if isinstance(kind, ConwayMaxwellPoisson):
        return np.minimum(np.logaddexp(-1.0, log_dispersion), 12.0)
    return log_dispersion


def point(family, mean, precision):
    """Linear predictors, the further ones usual and of the shape of the mean.

    Standard deviations are what they are for a normal of such a log precision, and predictors
    that have to be positive the exponentials of what is given.
    """
    return _placed(family, raw_point(family, mean, precision))


def raw_point(family, mean, precision):
    """Linear predictors, those of the mean as they are given."""
    given = {
        "mean": mean,
        "precision": precision,
        "scale": -0.5 * precision,
        "dispersion": _dispersed(family, -precision),
    }
    usual = [np.full_like(mean, _USUAL.get(each, 0.0)) for each in family.predictors]
    pairs = zip(family.predictors, usual, strict=True)
    return tuple(given.get(each, constant) for each, constant in pairs)


def _placed(family, eta):
    links = family.links or (Log(),) * len(eta)  # the normal of the tests has none
    pairs = zip(links, eta, strict=True)
    return tuple(np.exp(row) if link.reach[0] > 0.0 else row for link, row in pairs)


def further(family):
    """Places of estimated predictors that are neither the location nor the dispersion."""
    roles = [parameter.role for parameter in family.parameters]
    others = (Role.LOCATION, Role.DISPERSION, Role.SIZE)
    return [k for k, role in enumerate(roles) if role not in others]


def is_bounded(family):
    """Whether responses are real numbers in (0, 1)."""
    return not family.support.is_discrete and np.isfinite(family.support.ends).all()


def is_positive(family):
    """Whether responses are real numbers above 0, perhaps beside zeros."""
    return not family.support.is_discrete and family.support.ends == (0.0, np.inf)


def responses(family, share):
    """Possible responses, from shares in [0, 1] that rise with them."""
    share = np.asarray(share, dtype=float)
    if not family.support.is_discrete:
        return np.exp(share) if is_positive(family) else share
    low, high = family.support.ends
    return np.clip(low + np.floor((min(high, low + 9.0) - low + 1.0) * share), low, high)


def interior(family, p, eta):
    """Responses below which the share `p` of those between the bounds lies."""
    low, inner, _ = three_parts(family, eta)
    return family.quantile(low + inner * p, eta)


def three_parts(family, eta):
    """Probabilities of the low end, of what lies between, and of the high end, (3, n).

    Of counts that of what lies between is 1.
    """
    n = np.broadcast_shapes(*(each.shape for each in eta))[0]
    if family.support.is_discrete or not family.parts:
        return np.repeat([[0.0], [1.0], [0.0]], n, 1)
    found = family.part_probabilities(eta)
    return np.concatenate([found, np.zeros((3 - len(found), n))])  # nothing at an infinite end


def packed(n_predictors, order):
    return list(combinations_with_replacement(range(n_predictors), order))


def evaluate(family, y, eta, order):
    return family.log_density(family.prepare(y), eta, order)


def rows(density):
    """All derivatives of a density by their predictors: (0, 1) is d2 / d mean d precision."""
    filled = [part for part in density[1:] if part is not None]
    return {
        each: part[row]
        for order, part in enumerate(filled, start=1)
        for row, each in enumerate(packed(len(density.grad), order))
    }


def _nodes(family):
    if family.support.is_discrete:
        low, high = family.support.ends
        y = np.arange(low, min(high, 300.0) + 1.0)
        return y, np.ones_like(y)
    t = np.linspace(-36.0, 36.0, 14_401 if family in STUDENTS else 3601)
    y, jacobian = (expit(t), expit(t) * expit(-t)) if is_bounded(family) else (t, np.ones_like(t))
    y, jacobian = (np.sinh(t), np.cosh(t)) if family in STUDENTS else (y, jacobian)  # far tails
    y, jacobian = (np.exp(t), np.exp(t)) if is_positive(family) else (y, jacobian)
    y = np.concatenate([y, family.masses])
    return y, np.concatenate([jacobian * (t[1] - t[0]), np.ones(len(family.masses))])


def expectation(family, eta, statistic):
    """Average a statistic of (y, eta) over the response, for every row of `eta`.

    The trapezoidal rule on the scale of the logit, or of a response without bounds, converges
    exponentially: what it leaves out is below 1e-14. Point masses are added; whole numbers are
    all masses.
    """
    y, weights = _nodes(family)
    results = []
    for row in zip(*eta, strict=True):
        here = tuple(np.full_like(y, each) for each in row)
        density = np.exp(evaluate(family, y, here, 0).value)
        results.append(np.atleast_2d(statistic(y, here)) @ (density * weights))
    return np.array(results).T.squeeze()
