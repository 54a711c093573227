"""A planned study: rows without responses, and a model whose parameters are assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone, is_classifier

from skglmm import inference as infer
from skglmm.arrays import Bools, Ints
from skglmm.design import Design
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import fit_frame, predict_frame
from skglmm.estimators.reading.model import read_model, titled
from skglmm.estimators.reading.rows import build_rows, unseen_levels
from skglmm.estimators.reading.validation import check_count, check_parameters
from skglmm.estimators.runtime.random import generator
from skglmm.estimators.runtime.threads import SingleThreaded, single_threaded
from skglmm.fitting import Fit
from skglmm.parts import is_dask
from skglmm.response import ResponseScale

__all__ = ["PlannedStudy", "simulate_study"]

SHOWN = 5  # names of grouping factors in a title
TWO_CLASSES = np.array([0, 1])


@single_threaded
def simulate_study(
    model: Any,
    design: Any,
    parameters: Mapping[str, float] | None = None,
    *,
    classes: Sequence[Any] | None = None,
) -> "PlannedStudy":
    """Plan a study: its rows, without responses, and a model with assumed parameters.

    What comes back draws responses, and is what `power` and `power_curve` ask.

    Parameters
    ----------
    model : estimator
        Of skglmm. One that is not fitted takes all its parameters from `parameters`; a fitted one,
        of a pilot study, has its estimates where these say nothing else. It stays as it is.
    design : DataFrame or array-like, shape (n_samples, n_features)
        The rows of the study, with all columns of the formula: groups, treatments, covariates.
    parameters : mapping of str to float, default=None
        By the names of `confint()`, on natural scales: coefficients on the scale of the link,
        standard deviations and correlations of random effects, the scale, precision or dispersion
        itself. All of a model that is not fitted.
    classes : sequence of labels, default=None
        The classes that a classifier has, if it is not fitted: 0 and 1 by default of two; those
        with an order in their order, unless the classifier has `categories`.

    Returns
    -------
    PlannedStudy

    Raises
    ------
    TypeError
        When the model is no skglmm estimator, the design is a dask DataFrame, or a value is no
        number.
    ValueError
        When parameters are missing or unknown (the error lists both), when no model has such
        values, when classes are missing, or a model with curves is not fitted.

    See Also
    --------
    power : How often such studies show what they are for.
    skglmm.planning.extend : Makes a design longer or shorter.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import LMMRegressor
    >>> from skglmm.planning import simulate_study
    >>> design = pd.DataFrame({"cluster": np.repeat(np.arange(20), 25)})
    >>> design["arm"] = np.where(design["cluster"] % 2, "b", "a")
    >>> parameters = {"Intercept": 10, "arm[T.b]": 0.5, "scale": 2, "sd(Intercept | cluster)": 0.6}
    >>> study = simulate_study(LMMRegressor("arm + (1 | cluster)"), design, parameters)
    >>> study.draw(3, random_state=0).shape
    (500, 3)
    """
    if not isinstance(model, MixedModel):
        msg = (
            f"model is a {type(model).__name__}, expected a skglmm estimator such as LMMRegressor; "
            "of a pipeline pass the last step, and the design as the others transform it"
        )
        raise TypeError(msg)
    if is_dask(design):
        msg = "design is a dask DataFrame, expected rows in memory; call design.compute()"
        raise TypeError(msg)
    given = _numbers(parameters or {})
    if hasattr(model, "fit_"):
        return _of_fitted(model, design, given)
    return _of_assumed(model, design, given, classes)


@dataclass(frozen=True, repr=False, eq=False)
class PlannedStudy(infer.Printed, SingleThreaded):
    """Rows without responses, and a model whose parameters are known.

    Parameters
    ----------
    model : estimator
        Not fitted: what responses are analyzed by.
    X : DataFrame, n rows
        The design.
    fit : Fit
        With the parameters that are assumed.
    rows : Design
        The rows, as the fit takes them.
    unseen : list of ndarray of intp, each of shape (n,), or None
        Levels of grouping factors that a fitted model has not seen, see `sample`.
    scale : ResponseScale
        How responses are written.
    source : estimator
        What the study was made of: fitted, or not.
    classes : sequence of labels or None
        As they were given.

    Examples
    --------
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> from skglmm.planning import simulate_study
    >>> design = pd.DataFrame({"x": [0.0, 1.0, 2.0] * 10, "site": range(30)})
    >>> assumed = {"Intercept": 1.0, "x": 0.2, "sd(Intercept | site)": 0.3}
    >>> study = simulate_study(PoissonGLMMRegressor("x + (1 | site)"), design, assumed)
    >>> study
    Planned study: 30 rows, 30 site
    1 + x + (1 | site)
                            assumed
      Intercept                   1
      x                         0.2
      sd(Intercept | site)      0.3
    """

    model: Any
    X: pd.DataFrame
    fit: Fit
    rows: Design
    unseen: Sequence[Ints] | None
    scale: ResponseScale
    source: Any
    classes: Sequence[Any] | None = None

    @property
    def parameters(self) -> dict[str, float]:
        """Assumed values of all parameters, by name, on their natural scales."""
        return {each.name: float(each.value) for each in infer.natural(self.fit)}

    def draw(self, n_samples: int = 1, random_state: Any = None) -> NDArray[Any]:
        """Draw the responses of studies: new random effects, and a response for each row.

        Parameters
        ----------
        n_samples : int, default=1
            Number of studies.
        random_state : int, RandomState, Generator or None, default=None
            Source of random numbers; an int gives the same draws each time.

        Returns
        -------
        ndarray, shape (n, n_samples)
            On the scale of y; labels of classes.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0]})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 9, "x": 1})
        >>> study.draw(random_state=0).shape
        (2, 1)
        """
        check_count("n_samples", n_samples)
        plan = infer.Plan.of(self.fit.layout, "conditional", "marginal")
        rng = generator(random_state)
        how: dict[str, Any] = {"new_effects": True, "unseen": self.unseen}
        drawn = infer.sample(self.fit, self.rows, plan, n_samples, rng, **how)
        labels: NDArray[Any] = self.scale.draws(drawn)
        return labels

    def assuming(self, parameters: Mapping[str, float]) -> "PlannedStudy":
        """Return the study with other values of some parameters.

        Parameters
        ----------
        parameters : mapping of str to float
            As in `simulate_study`.

        Returns
        -------
        PlannedStudy

        Raises
        ------
        ValueError
            When a name is unknown, or a value is none that the parameter can have.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0]})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 9, "x": 1})
        >>> study.assuming({"x": 0}).parameters
        {'Intercept': 9.0, 'x': 0.0}
        """
        fit = infer.assume(self.fit, _numbers(parameters))
        return _possible(replace(self, fit=fit))

    def with_rows(self, design: Any) -> "PlannedStudy":
        """Return the study with other rows, under the same assumptions.

        Parameters
        ----------
        design : DataFrame or array-like, shape (n_samples, n_features)
            As in `simulate_study`.

        Returns
        -------
        PlannedStudy

        Raises
        ------
        ValueError
            When the model has other parameters for these rows, as of a category that is not there.

        Examples
        --------
        >>> import pandas as pd
        >>> from skglmm import PoissonGLMMRegressor
        >>> from skglmm.planning import simulate_study
        >>> design = pd.DataFrame({"x": [0.0, 1.0]})
        >>> study = simulate_study(PoissonGLMMRegressor("x"), design, {"Intercept": 9, "x": 1})
        >>> len(study.with_rows(pd.concat([design] * 10)).X)
        20
        """
        known = {name: value for name, value in self.parameters.items() if not np.isnan(value)}
        return simulate_study(self.source, design, known, classes=self.classes)

    def _page(self) -> infer.Page:
        return infer.Page((infer.Table("", ("", "assumed"), self._values, 1),), head=self._lines)

    @property
    def _values(self) -> tuple[tuple[str, ...], ...]:
        return tuple((name, f"{value:.5g}") for name, value in self.parameters.items())

    @property
    def _lines(self) -> tuple[str, str]:
        counts = {
            factor.name: len(np.unique(codes))
            for factor, codes in zip(self.rows.layout.factors, self._codes, strict=True)
            if not factor.is_smooth
        }
        groups = [f"{count} {name}" for name, count in list(counts.items())[:SHOWN]]
        return f"Planned study: {', '.join([f'{len(self.X)} rows', *groups])}", self._formula

    @property
    def _codes(self) -> list[Ints]:
        """Levels of the rows, those that a fit has not seen among them."""
        if self.unseen is None:
            return list(self.rows.codes)
        pairs = zip(self.rows.codes, self.unseen, strict=True)
        return [np.where(codes < 0, -2 - new, codes) for codes, new in pairs]

    @property
    def _formula(self) -> str:
        if hasattr(self.source, "fit_"):
            return titled(self.source)
        copy = clone(self.source)
        return str(read_model(copy, self.fit.family, fit_frame(copy, self.X), None).formula)


def _numbers(parameters: Mapping[str, Any]) -> dict[str, float]:
    if not hasattr(parameters, "items"):
        msg = f"parameters={parameters!r}: expected a mapping of names to assumed values"
        raise TypeError(msg)
    wrong = {name: value for name, value in parameters.items() if not isinstance(value, Real)}
    if wrong:
        name, value = next(iter(wrong.items()))
        msg = f"the assumed {name!r} is {value!r}, expected a number"
        raise TypeError(msg)
    return {name: float(value) for name, value in parameters.items()}


def _of_fitted(model: MixedModel, design: Any, given: Mapping[str, float]) -> PlannedStudy:
    frame = predict_frame(model, design)
    rows, _ = build_rows(model._spec, frame, "conditional", "marginal", model.context)
    fit = infer.assume(model.fit_, given)
    unseen = unseen_levels(model._spec, frame, rows)
    return _possible(
        PlannedStudy(clone(model), design, fit, rows, unseen, model._scale, source=model)
    )


def _of_assumed(
    model: MixedModel, design: Any, given: Mapping[str, float], classes: Sequence[Any] | None
) -> PlannedStudy:
    check_parameters(model)
    copy = _told_of(model, classes)  # reading rows leaves their names in an estimator
    frame = fit_frame(copy, design)
    family = copy._make_family()
    scale = _learned(copy, copy._make_scale(family), classes)
    family = copy._settled(family, scale)
    scale.refuse_rows(frame)
    spec, rows = copy._learn(read_model(copy, family, frame, None), frame)
    if rows.layout.curves:
        msg = (
            f"the curve {rows.layout.curves[0].name} has no parameters that say how it runs; fit "
            "the model to a pilot study, whose curves are kept, or write poly(x, 3) or the like"
        )
        raise ValueError(msg)
    lowest = min((v for name, v in given.items() if name.startswith("sd(") and v > 0), default=1.0)
    like = lowest * np.random.default_rng(0).standard_normal(len(frame))
    _, rows = copy._completed(spec, rows, like, None)
    blank = infer.blank_fit(family, rows.layout, len(frame))
    _refuse_missing([each.name for each in infer.natural(blank)], given)
    fit = infer.assume(blank, given)
    return _possible(PlannedStudy(clone(copy), design, fit, rows, None, scale, model, classes))


def _told_of(model: MixedModel, classes: Sequence[Any] | None) -> MixedModel:
    """Return an estimator, not fitted, that knows the order of classes, where they have one."""
    copy: MixedModel = clone(model)
    if classes is not None and isinstance(copy.get_params().get("categories"), str):
        copy.set_params(categories=list(classes))
    return copy


def _learned(
    model: MixedModel, draft: ResponseScale, classes: Sequence[Any] | None
) -> ResponseScale:
    """Return the scale of responses that knows the classes."""
    if not is_classifier(model):
        if classes is not None:
            msg = f"classes={list(classes)!r} are for classifiers; {type(model).__name__} is none"
            raise ValueError(msg)
        return draft
    order = model.get_params().get("categories")
    if classes is None and order is not None and not isinstance(order, str):
        classes = list(order)
    if classes is None and len(model._make_family().parts) > len(TWO_CLASSES):
        msg = (
            f"{type(model).__name__} has parameters for each class, which responses would tell; "
            "name them: classes=['low', 'medium', 'high']"
        )
        raise ValueError(msg)
    return draft.learn(TWO_CLASSES if classes is None else np.array(list(classes)))


def _refuse_missing(names: Sequence[str], given: Mapping[str, float]) -> None:
    still = {name[3:-1] for name, value in given.items() if name.startswith("sd(") and value == 0}
    missing = [name for name in names if name not in given and not _is_idle(name, still)]
    unknown = [name for name in given if name not in names]
    if missing or unknown:
        parts = [f"{', '.join(map(repr, missing))} are missing"] if missing else []
        parts += [f"{', '.join(map(repr, unknown))} are none of the model"] if unknown else []
        msg = (
            f"parameters must have all that the model has: {', and '.join(parts)}; it has "
            f"{', '.join(map(repr, names))}"
        )
        raise ValueError(msg)


def _is_idle(name: str, still: set[str]) -> bool:
    """Whether it is the correlation of an effect that does not vary."""
    if not name.startswith("corr("):
        return False
    pair, _, group = name[5:-1].rpartition(" | ")
    return any(f"{effect} | {group}" in still for effect in pair.split(", "))


def _possible(study: PlannedStudy) -> PlannedStudy:
    """Refuse assumptions under which there are no responses."""
    try:
        with np.errstate(all="ignore"):
            drawn, impossible = study.draw(1, 0), _impossible(study)
    except (ArithmeticError, ValueError) as error:
        msg = f"no responses can be drawn under these assumptions: {error}"
        raise ValueError(msg) from error
    impossible |= pd.isna(drawn)[:, 0]
    if impossible.any():
        msg = (
            f"{int(impossible.sum())} of {len(drawn)} rows have no responses under these "
            "assumptions: thresholds must increase, linear predictors stay where the link has a "
            "parameter, and a fitted model must determine all rows"
        )
        raise ValueError(msg)
    return study


def _impossible(study: PlannedStudy) -> Bools:
    """Return the rows without a distribution, (n,), where random effects are 0."""
    fit, family = study.fit, study.fit.family
    if fit.units.are_own:  # predictors are those of other units; no row is without one
        return np.zeros(len(study.X), dtype=np.bool_)
    eta = infer.linear_predictors(fit, study.rows, ())
    drawn = family.sample(eta, np.random.default_rng(0))
    return ~np.isfinite(family.log_density(family.prepare(drawn), eta).value)
