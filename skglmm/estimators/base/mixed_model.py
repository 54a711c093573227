"""The one estimator: everything but the family, what y is, and the parameters of its own."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import Any, ClassVar, Self

import pandas as pd
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator

import skglmm
from skglmm.arrays import Floats, give_back_memory, keep_freed_memory
from skglmm.design import Design, DesignSpec, learn
from skglmm.engine import Approximation, Laplace
from skglmm.estimators import cluster
from skglmm.estimators.base.signature import mixed_model
from skglmm.estimators.methods.conditioning import Conditioning
from skglmm.estimators.methods.confint import ConfidenceIntervals
from skglmm.estimators.methods.diagnosis import Diagnosing
from skglmm.estimators.methods.predictions import Predictions
from skglmm.estimators.methods.smooths import Smooths
from skglmm.estimators.methods.statistics import Statistics
from skglmm.estimators.methods.tests import Tests
from skglmm.estimators.reading.caps import with_named_caps
from skglmm.estimators.reading.estimable import tell_stored
from skglmm.estimators.reading.frames import is_array
from skglmm.estimators.reading.keywords import refuse_keywords
from skglmm.estimators.reading.model import Model, read_model
from skglmm.estimators.reading.nesting import tell_nesting
from skglmm.estimators.reading.rows import fit_rows
from skglmm.estimators.reading.validation import (
    check_choice,
    check_flag,
    check_parameters,
    check_stored,
    check_y,
)
from skglmm.estimators.runtime.processes import process_count
from skglmm.estimators.runtime.solver import read_solver, refuse_on_cluster
from skglmm.estimators.runtime.warnings import (
    tell,
    tell_about,
    tell_constant,
    tell_constant_levels,
    tell_dropped,
    tell_namesake,
    tell_not_kept,
)
from skglmm.families import Family
from skglmm.fitting import Fit, Options, fit, fit_bound, row_digest
from skglmm.parts import is_dask
from skglmm.priors import Priors, read_priors
from skglmm.response import ResponseScale

__all__ = ["MixedModel"]


@mixed_model
class MixedModel(
    Statistics,
    Smooths,
    Tests,
    ConfidenceIntervals,
    Predictions,
    Conditioning,
    Diagnosing,
    BaseEstimator,
    ABC,
):
    """A generalized linear mixed model as a scikit-learn estimator.

    Of its parameters those that are called as a predictor of the family are formulas of that
    predictor, as `formula` is of the location; predictors without one are one number. Those that
    are called as a known predictor are a number, or the name of a column.
    """

    _family: ClassVar[Family]
    _vet = staticmethod(check_y)  # of a name and y: y as a column, or an error
    _constant_levels = tuple[str, ...]()  # what a fit told of them
    _doc_link_module: ClassVar[str] = "skglmm"
    _doc_link_template: ClassVar[str] = (
        "https://skglmm.readthedocs.io/en/latest/api/generated/skglmm.{estimator_name}.html"
    )

    formula: str | None = field(default=None, kw_only=False)
    groups: Any = None
    covariance: Any = "unstructured"
    relationships: Mapping[str, Any] | None = None
    link: str = ""
    reml: bool = False
    predict_kind: str = "conditional"
    new_groups: str = "marginal"
    offset: str | None = None
    priors: Any = None
    context: Mapping[str, Callable[..., Any]] | None = None
    inference: bool = True
    tol: float = 1e-8
    max_iter: int = 200
    n_jobs: int | None = None
    solver: str = "auto"
    random_state: Any = 0
    verbose: int = 0

    def __new__(cls, *args: Any, **parameters: Any) -> Self:
        """Make an estimator, or say what a parameter of another program is here."""
        del args
        refuse_keywords(cls, parameters)
        made: Self = super().__new__(cls)
        return made

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit by maximum likelihood, in an approximation, or by a restricted one.

        With `priors` estimates are modes of the posterior density.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Columns of the fixed effects, of the random effects and of the groups. A dask DataFrame
            is fitted by the workers of the cluster in use; `y` and `sample_weight` are dask Series
            then, columns of the same frame.
        y : array-like, shape (n_samples,), default=None
            Responses. They are not read from X, even if the formula names them: None is an error.
        sample_weight : array-like, shape (n_samples,), default=None
            Multiplies the log density of each row, given the random effects; a weight of 2 is
            the row twice. Rows of weight 0 are dropped first.

        Returns
        -------
        object
            The fitted estimator itself.

        Raises
        ------
        ValueError
            When data or parameters cannot make a model; among them FormulaError and
            DesignError.
        TypeError
            When a parameter is of the wrong type.

        Notes
        -----
        A fit that raises leaves the estimator as it was.

        Examples
        --------
        >>> from skglmm import BetaGLMMRegressor
        >>> from skglmm.datasets import load_petrol
        >>> X, y = load_petrol(return_X_y=True)
        >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
        >>> print(f"{model.log_likelihood_:.2f}")
        -86.77
        """
        before = dict(vars(self))
        # what this fit does not have, such as coefficients of zeros, must not be of an earlier one
        self.__dict__ = {name: value for name, value in before.items() if not name.endswith("_")}
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> None:
        keep_freed_memory()
        check_parameters(self)
        family = self._make_family()
        draft = self._make_scale(family).of_type(y)
        if is_dask(X):
            self._fit_on_cluster(X, y, sample_weight, family, draft)
            return
        rows = fit_rows(self, X, y, sample_weight)
        scale = draft.learn(rows.y)
        read = scale.read(rows.y)
        family = self._settled(family, scale)
        scale.refuse_rows(rows.frame, rows.y)
        model = read_model(self, family, rows.frame, rows.name)
        if self.formula is None:
            tell_namesake(rows.frame, rows.y, rows.name)
        self._spec, design = self._completed(*self._learn(model, rows.frame), read, rows.weights)
        columns = self._spec.read(rows.frame, design)
        self._row_digest = row_digest(columns, read, rows.weights)
        found = self._maximize(family, design, read, rows.weights, scale)
        if found.plan is not None:  # of very many rows
            give_back_memory()
        self.fit_ = with_named_caps(found, model, design, rows.frame, read, scale)
        self._scale = scale.knowing(self.fit_.vanishing)
        self._publish(model)
        for doubt in scale.doubts(rows.y):
            tell(doubt)
        self._tell(model)
        self._constant_levels = tell_constant_levels(self.fit_, design, read)
        tell_nesting(self.fit_, self._spec, design, rows.frame, read)

    def _fit_on_cluster(
        self, X: Any, y: Any, sample_weight: Any, family: Family, draft: ResponseScale
    ) -> None:
        self._refuse_sums("a dask DataFrame")
        refuse_on_cluster(self.solver)
        rows = cluster.cluster_rows(self, X, y, sample_weight, family, draft)
        self._spec, self._row_digest = rows.spec, rows.digest
        self.fit_ = fit_bound(
            rows.bound, rows.constants, self._options(), inference=bool(self.inference)
        )
        self._scale = rows.scale.knowing(self.fit_.vanishing)
        self._constant_levels = ()  # those of an earlier fit are not of these rows
        self._publish(rows.model)
        self._tell(rows.model)

    def _learn(self, model: Model, frame: pd.DataFrame) -> tuple[DesignSpec, Design]:
        return learn(
            frame,
            model.fixed,
            model.terms,
            offset=self.offset,
            offsets=model.offsets,
            without_intercept=model.without_intercept,
            numbers=model.numbers,
            all_named=model.all_named,
            context=self.context,
            relationships=self.relationships,
            float_groups=is_array(self, frame),  # whose columns share one type
        )

    def _completed(
        self, spec: DesignSpec, design: Design, y: Floats, weights: Floats | None
    ) -> tuple[DesignSpec, Design]:
        """Return the design with what only responses tell of it."""
        del y, weights
        return spec, design

    def _refuse_sums(self, what: str) -> None:
        """Refuse models whose design needs the responses of all rows, where these are not known."""
        del what

    def _make_family(self) -> Family:
        """Return the family with the link that was chosen."""
        family, k = self._family, self._family.location
        links = {link.name: link for link in family.parameters[k].links}
        check_choice("link", self.link, tuple(links))
        return family.with_link(links[self.link])

    def _approximation(self, family: Family) -> Approximation:
        """Return how the integral over the random effects is approximated."""
        del family
        return Laplace()

    def _likelihood(self, family: Family) -> Approximation:
        """Return the approximation, with the fixed effects that it integrates out."""
        check_flag("reml", self.reml)
        integrated = family.locations if self.reml else ()
        return replace(self._approximation(family), integrated=integrated)

    @abstractmethod
    def _make_scale(self, family: Family) -> ResponseScale:
        """Return the draft of what y is, before any response is seen."""

    def _settled(self, family: Family, scale: ResponseScale) -> Family:
        """Return the family that knows what responses are, such as how many classes there are."""
        del scale
        return family

    def _shifts(self) -> tuple[str, ...]:
        """Return expressions that are added to the location, beside offsets."""
        return ()

    def _formula_of(self, predictor: str) -> Any:
        """Return the formula of a predictor, that of one number if there is none for it."""
        given = self.get_params(deep=False).get(predictor, "1")
        has_formula = isinstance(getattr(type(self), predictor, None), str)  # by default
        return "1" if given is None and not has_formula else given

    def _column(self, y: Any) -> Any:
        """Return y as a column of what responses are, (n,): numbers, or labels."""
        return self._vet(type(self).__name__, y)

    def _maximize(
        self,
        family: Family,
        design: Design,
        read: Floats,
        weights: Floats | None,
        scale: ResponseScale,
    ) -> Fit:
        return fit(
            family,
            design,
            read,
            weights,
            inference=bool(self.inference),
            log_jacobian=scale.total_log_jacobian(read, weights),
            options=self._options(design.n_samples),
            approximation=self._likelihood(family),
            priors=self._priors(self._spec),
        )

    def _priors(self, spec: DesignSpec) -> Priors:
        """Return the priors of parameters, of which those of terms are of all their columns."""
        return read_priors(self.priors).by_term(_coefficients_of_terms(spec))

    def _options(self, n_rows: int = 0) -> Options:
        report = _print_line if self.verbose else None
        n_threads, averages = effective_n_jobs(self.n_jobs), self.predict_kind == "posterior"
        solver = read_solver(self.solver, self.random_state)
        how = Options(self.tol, int(self.max_iter), report, n_threads, averages, solver)
        return replace(how, n_processes=process_count(self.n_jobs, n_rows))

    def _publish(self, model: Model) -> None:
        result = self.fit_
        k = result.family.location
        first = int(result.layout.coefficients[k][:1] == ("Intercept",))
        self.coef_ = result.beta[k][first:]
        self.coef_names_ = list(result.layout.coefficients[k][first:])
        self.intercept_: float | Floats = float(result.beta[k][:first].sum())
        names = [result.layout.predictors[j] for j in result.family.estimated]
        for j, name in zip(result.family.estimated, names, strict=True):
            if j not in result.family.locations and result.family.parameters[j].block is None:
                setattr(self, f"{name}_coef_", result.beta[j])
        self.log_likelihood_, self.log_prior_ = result.log_likelihood, result.log_prior
        self.log_likelihood_std_error_ = result.log_likelihood_std_error
        self.aic_, self.bic_, self.n_params_ = result.aic, result.bic, result.n_params
        self.n_obs_ = result.n_samples
        self.n_levels_ = result.layout.n_levels
        self.converged_, self.is_singular_ = result.converged, bool(result.singular)
        self.n_iter_ = max(1, result.n_iterations)
        self.formulas_ = {name: model.texts[name] for name in names}
        self.formula_ = self.formulas_[model.location]
        self.random_terms_ = model.bars

    def _remarks(self) -> list[str]:
        return [*super()._remarks(), *self._constant_levels]

    def _tell(self, model: Model) -> None:
        """Warn of what the fit did, and could not do."""
        for sentence in self._scale.missing:
            tell(sentence)
        tell_dropped(model.dropped)
        tell_constant(self._spec.constant)
        if self.predict_kind == "posterior":
            tell_not_kept(self.fit_)
        tell_about(self.fit_)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_spec" in state:
            check_stored(self._spec, tuple(self.context or ()))
            tell_stored(self.fit_)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_skglmm_version": skglmm.__version__}


def _coefficients_of_terms(spec: DesignSpec) -> dict[str, list[str]]:
    """Return the names of the coefficients of each term, by the name of the term."""
    layout, found = spec.layout, {}
    for k, terms in enumerate(spec.fixed_terms):
        labels = layout.labels(k)
        for factors, places in terms.items():
            name = layout.label(k, ":".join(factors))
            found[name] = [labels[j] for j in places]
    return found


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
