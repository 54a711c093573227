"""The fit whose parameters have given values on their natural scales: the way back of `natural`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from skglmm.arrays import Floats
from skglmm.covariance import Covariance, EffectNames, NaturalParameter
from skglmm.design import Layout
from skglmm.families import Family
from skglmm.fitting import Fit
from skglmm.inference.parameters.natural import constant, is_constant, natural

__all__ = ["assume", "blank_fit", "theta_of"]

FOUND = 1e-10  # of a standard deviation, relative, and of a correlation
TRIES = 8  # starting values of a search
STIR = 0.3  # by which they differ
SHOWN = 8  # names that a message lists


def blank_fit(family: Family, layout: Layout, n_samples: int) -> Fit:
    """Return the record of a model before its parameters are known: coefficients of 0.

    Parameters
    ----------
    family : Family
    layout : Layout
        In the units of the user, without curves.
    n_samples : int
    """
    factors = layout.factors
    theta = tuple(f.covariance.start(np.ones(f.n_columns)) for f in factors)
    lambdas = tuple(f.covariance.factor(part) for f, part in zip(factors, theta, strict=True))
    zeros = tuple(np.zeros(len(names)) for names in layout.coefficients)
    return Fit(
        family=family,
        layout=layout,
        beta=zeros,
        theta=theta,
        lambdas=lambdas,
        u=tuple(np.zeros((f.n_columns, f.n_levels)) for f in factors),
        bases=tuple(np.eye(f.n_columns) for f in factors),
        aliased=tuple(() for _ in zeros),
        uncertainty=None,
        recession=zeros,
        infinities=zeros,
        order=tuple(range(len(factors))),
        posterior=None,
        effect_information=None,
        mode_jacobian=None,
        log_likelihood=np.nan,
        n_samples=n_samples,
        data_digest="",
        converged=True,
        message="",
        decrease=0.0,
        n_evaluations=0,
        n_iterations=0,
        singular=(),
        capped=(),
        caps=(),
    )


def assume(fit: Fit, values: Mapping[str, float]) -> Fit:
    """Return a fit whose parameters have other values.

    Parameters
    ----------
    fit : Fit
        Parameters that have no new value keep theirs.
    values : mapping of str to float
        By their names, on their natural scales, as `natural` yields them.

    Returns
    -------
    Fit
        For predictions and simulated responses: what it tells of its estimates is not about these.

    Raises
    ------
    ValueError
        When a name is unknown, or a value is none that the parameter can have.
    """
    known = [parameter.name for parameter in natural(fit)]
    unknown = [name for name in values if name not in known]
    if unknown:
        msg = f"the model has no parameters {_listed(unknown)}; it has {_listed(known, len(known))}"
        raise ValueError(msg)
    infinite = [name for name, value in values.items() if not np.isfinite(value)]
    if infinite:
        msg = f"assumed values must be finite numbers; those of {_listed(infinite)} are not"
        raise ValueError(msg)
    beta = tuple(_coefficients(fit, k, values) for k in range(len(fit.beta)))
    theta = tuple(_theta(fit, f, values) for f in range(len(fit.theta)))
    factors = (f.covariance.factor(part) for f, part in zip(fit.layout.factors, theta, strict=True))
    lambdas = tuple(basis @ factor for basis, factor in zip(fit.bases, factors, strict=True))
    infinities = tuple(np.zeros(len(part)) for part in beta)
    return replace(fit, beta=beta, theta=theta, lambdas=lambdas, infinities=infinities)


def _coefficients(fit: Fit, k: int, values: Mapping[str, float]) -> Floats:
    """Coefficients of predictor k, of which one number is its own value through its link."""
    if is_constant(fit, k):
        name = constant(fit, k).name
        return np.array([_linked(fit, k, name, values[name])]) if name in values else fit.beta[k]
    pairs = zip(fit.layout.labels(k), fit.beta[k], strict=True)
    return np.array([values.get(name, float(before)) for name, before in pairs])


def _linked(fit: Fit, k: int, name: str, value: float) -> float:
    """Return the linear predictor of the user at which predictor k is a number."""
    units, parameter, link = fit.units, fit.family.parameters[k], fit.family.links[k]
    own = float(value)
    if units.are_own and parameter.equivariant:
        center = units.center if k == fit.family.location else 0.0
        own = (own - center) / parameter.unit(units.width)
    with np.errstate(all="ignore"):
        eta = float(units.size(k) * link.link(np.array([own]))[0] + units.shift(k))
    moved = replace(fit, beta=tuple(np.array([eta]) if j == k else b for j, b in _places(fit)))
    back = constant(moved, k).value if np.isfinite(eta) else np.nan
    if not abs(back - value) <= FOUND * max(abs(value), 1e-300):
        low, high = (float(end) for end in link.domain)
        msg = f"{name}={value:g} is none that it can be: expected a number in ({low:g}, {high:g})"
        raise ValueError(msg)
    return eta


def _places(fit: Fit) -> Iterator[tuple[int, Floats]]:
    return enumerate(fit.beta)


def _theta(fit: Fit, f: int, values: Mapping[str, float]) -> Floats:
    factor = fit.layout.factors[f]
    named = factor.effect_names
    found = list(factor.covariance.natural(fit.theta[f], fit.bases[f], named))
    if not any(parameter.name in values for parameter in found):
        return fit.theta[f]
    wanted = {each.name: values.get(each.name, each.value) for each in found}
    return theta_of(factor.covariance, fit.bases[f], named, wanted)


def theta_of(
    covariance: Covariance, basis: Floats, named: EffectNames, wanted: Mapping[str, float]
) -> Floats:
    """Return the parameters of a covariance with these natural ones.

    Parameters
    ----------
    covariance : Covariance
    basis : ndarray, shape (q, q)
        See `Covariance.natural`.
    named : EffectNames
    wanted : mapping of str to float
        Of each natural parameter. NaN, and correlations of effects that do not vary, may be any.

    Returns
    -------
    ndarray, shape (n_params,)

    Raises
    ------
    ValueError
        When no covariance has these natural parameters.
    """
    parts, start = [], 0
    for block in covariance.blocks:
        own = slice(start, start + block.size)
        start += block.size
        parts.append(_theta_of_block(block, basis[own, own], named.of(own), wanted))
    return np.concatenate([np.zeros(0), *parts])


def _theta_of_block(
    covariance: Covariance, basis: Floats, named: EffectNames, wanted: Mapping[str, float]
) -> Floats:
    every = range(covariance.size)
    names = [each.name for each in covariance.natural(_ones(covariance), basis, named)]
    goal = {name: wanted[name] for name in names if not np.isnan(wanted[name])}
    spreads = [name for name in names if name.startswith("sd(")]
    still = [name for name in spreads if goal.get(name) == 0.0]
    effects = [i for i in every if named.sd(i) in still]
    pairs = [(i, j) for i in effects for j in every]
    idle = {named.correlation(*pair) for i, j in pairs for pair in ((i, j), (j, i))}
    search = {name: goal.get(name, 0.0) for name in names}
    search |= {name: 0.0 for name in names if name in idle} | dict.fromkeys(still, 1.0)
    theta = _searched(covariance, basis, named, search)
    if spreads and len(still) == len(spreads):
        theta, goal = covariance.scaled(theta, 0.0), dict.fromkeys(still, 0.0)
    elif effects:
        theta[np.unique(np.concatenate([covariance.governing(i) for i in effects]))] = 0.0
    found = list(covariance.natural(theta, basis, named))
    _refuse_missed(found, {name: value for name, value in goal.items() if name not in idle})
    return theta


def _ones(covariance: Covariance) -> Floats:
    return covariance.start(np.ones(covariance.size))


def _searched(
    covariance: Covariance, basis: Floats, named: EffectNames, goal: Mapping[str, float]
) -> Floats:
    """Return the nearest parameters that a search finds, from several starting values."""
    if covariance.n_params == 0:
        return np.zeros(0)
    n, size = covariance.n_params, covariance.size
    sd = next((v for name, v in goal.items() if name.startswith("sd(")), 1.0)
    sds = np.array([abs(goal.get(named.sd(i), sd)) for i in range(size)])
    first = covariance.start(np.maximum(sds, 1e-300) / np.linalg.norm(basis, axis=1))
    rng, best, least = np.random.default_rng(0), first, np.inf
    target = np.array(list(goal.values()))
    unit = np.where(target == 0.0, 1.0, np.abs(target))

    def misses(theta: Floats) -> Floats:
        found = [each.value for each in covariance.natural(theta, basis, named)]
        missed = (np.array(found) - target) / unit
        return np.asarray(np.nan_to_num(missed, nan=10.0, posinf=1e6, neginf=-1e6))

    def slopes(theta: Floats) -> Floats:
        found = [each.gradient for each in covariance.natural(theta, basis, named)]
        return np.asarray(np.nan_to_num(np.array(found)) / unit[:, None])

    precise: dict[str, Any] = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "max_nfev": 500}
    for _ in range(TRIES):
        found = least_squares(misses, first, jac=slopes, x_scale="jac", **precise)
        miss = float(np.abs(found.fun).max())
        if miss < least:
            best, least = found.x, miss
        if least < FOUND / 10.0:
            break
        first = best + STIR * rng.standard_normal(n) * (np.abs(best) + 0.1)
    return np.asarray(best)


def _refuse_missed(found: list[NaturalParameter], goal: Mapping[str, float]) -> None:
    """Refuse values of which the nearest that are possible are others."""
    reached = {each.name: each.value for each in found if each.name in goal}
    missed = {
        name: value
        for name, value in reached.items()
        if not abs(value - goal[name]) <= FOUND * max(abs(goal[name]), 1e-300 + (goal[name] == 0.0))
    }
    if missed:
        given = ", ".join(f"{name} = {value:.6g}" for name, value in goal.items())
        near = ", ".join(f"{name} = {value:.6g}" for name, value in missed.items())
        msg = (
            f"no covariance has {given}; standard deviations are not negative, and correlations "
            f"must be those of a positive definite matrix. The nearest has {near}"
        )
        raise ValueError(msg)


def _listed(names: list[str], most: int = SHOWN) -> str:
    more = ", ..." if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
