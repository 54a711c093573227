"""A fitted model as the package marginaleffects takes it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skglmm.arrays import Floats
from skglmm.design import Design, Labels, kind_of
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.estimable import tell_nonestimable
from skglmm.estimators.reading.frames import predict_frame, to_pandas
from skglmm.estimators.reading.rows import build_rows
from skglmm.estimators.reading.validation import check_choice, check_inference, check_one_mean
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.fitting import Fit
from skglmm.formula import parse, quote, variables
from skglmm.inference import Plan, bends, covariance_with_bends, predict, with_bends

__all__ = ["to_marginaleffects"]

KINDS = ("fixed", "marginal")


@single_threaded
def to_marginaleffects(model: Any, data: Any, kind: str = "fixed") -> Any:
    """Wrap a fitted model for the package marginaleffects.

    Its ``predictions``, ``comparisons`` and ``slopes``, averaged or not, then have the standard
    errors of the delta method with this model's covariance of the estimates [1]_.

    Parameters
    ----------
    model : estimator
        Fitted, with ``inference=True``. Of a pipeline pass the last step, and as `data` what the
        other steps make of the rows.
    data : DataFrame or array-like, shape (n_samples, n_features)
        Rows to average over, such as the X of `fit`; texts become categories.
    kind : {"fixed", "marginal"}, default="fixed"
        Which mean: that of a typical group, whose random effects are 0, or the average over
        groups, which depends on the estimated variances, too. Effects of single groups are not
        parameters; `predict_frame` has standard errors of their means.

    Returns
    -------
    marginaleffects.classes.ModelAbstract
        What its functions take as a model. Means are on the scale of y.

    Raises
    ------
    ImportError
        Without marginaleffects, an optional package under the GPL:
        ``pip install "skglmm[marginaleffects]"``.
    TypeError
        When `model` is no estimator of skglmm.
    NotFittedError
        When its `fit` was not called.
    ValueError
        When `kind` is unknown, the model was fitted with ``inference=False``, or columns are
        missing.

    Notes
    -----
    Take grids by ``from marginaleffects.datagrid import datagrid``: in version 0.6 the name
    ``marginaleffects.datagrid`` is a function only until another function of the package ran.

    References
    ----------
    .. [1] Arel-Bundock, V., Greifer, N. & Heiss, A. (2024). How to interpret statistical models
       using marginaleffects for R and Python. Journal of Statistical Software, 111(9), 1-32.

    Examples
    --------
    >>> from marginaleffects import avg_slopes  # doctest: +SKIP
    >>> from skglmm import BetaGLMMRegressor
    >>> from skglmm.datasets import load_petrol
    >>> from skglmm.inspection import to_marginaleffects
    >>> X, y = load_petrol(return_X_y=True)
    >>> model = BetaGLMMRegressor("EP + (1 | batch)", bounds=(0, 100)).fit(X, y)
    >>> avg_slopes(to_marginaleffects(model, X, kind="marginal"))  # doctest: +SKIP
    """
    if not isinstance(model, MixedModel):
        msg = (
            f"the model is of type {type(model).__name__}, expected a fitted estimator such as "
            "BetaGLMMRegressor; of a pipeline pass pipe[-1], and pipe[:-1].transform(data)"
        )
        raise TypeError(msg)
    check_choice("kind", kind, KINDS)
    check_is_fitted(model)
    check_inference(model.fit_)
    check_one_mean(model.fit_, "to_marginaleffects")
    frame = predict_frame(model, data)
    mean = _Mean(model, kind)
    mean.design(frame)  # refuses now what would be refused later
    return _adapter(mean, frame)


@dataclass(frozen=True)
class _Mean:
    """The mean of a kind as a function of the parameters and of rows."""

    model: MixedModel
    kind: str

    @property
    def names(self) -> list[str]:
        """Names of the parameters."""
        layout = self.model.fit_.layout
        return [
            *(name for k in range(len(layout.predictors)) for name in layout.labels(k)),
            *(
                f"theta{i + 1}({factor.name})"
                for factor in layout.factors
                for i in range(factor.covariance.n_params)
            ),
            *(name for factor in layout.factors if factor.is_smooth for name in factor.columns),
        ]

    @property
    def params(self) -> Floats:
        """Fixed effects, variance parameters and bends of curves, as their covariance has them."""
        fit = self.model.fit_
        return np.concatenate([*fit.beta, *fit.theta, bends(fit)])

    @property
    def covariance(self) -> Floats:
        """Covariance of the parameters; those on the boundary count as known."""
        return covariance_with_bends(self.model.fit_)

    @property
    def predictors(self) -> list[str]:
        """Columns of the formulas that the mean depends on."""
        model, allowed = self.model, tuple(self.model.context or ())
        layout, family = model.fit_.layout, model.fit_.family
        moving = [layout.predictors[k] for k in family.mean_predictors]
        formulas = [parse(model.formulas_[name], allowed) for name in moving]
        texts = [formula.unpenalized for formula in formulas]
        if self.kind == "marginal":
            texts += [bar.effects for bar in model.random_terms_ if bar.predictor in moving]
            texts += [each.bends for formula in formulas for each in formula.smooths]
        used = {name for text in texts for name in variables(text)}
        return [name for name in self.needed if name in used]

    @property
    def needed(self) -> list[str]:
        """Columns that a design needs, those of the precision and the offset among them."""
        spec = self.model._spec
        effects = spec.effect_variables if self.kind == "marginal" else ()
        return list(dict.fromkeys([*spec.variables, *(name for part in effects for name in part)]))

    @property
    def labels(self) -> dict[str, Labels]:
        """Known values of the columns that are categories to the model."""
        columns = self.model._spec.columns.values()
        return {
            column.name: column.labels
            for column in columns
            if column.labels is not None and not column.numeric
        }

    def design(self, frame: pd.DataFrame) -> Design:
        """Return the design of rows."""
        model = self.model
        design, _ = build_rows(model._spec, frame, self.kind, "fixed", model.context)
        tell_nonestimable(model, frame, design, model.fit_.family.mean_predictors)
        return design

    def read(self, rows: Any) -> Design:
        """Return the design of rows whose categories are texts."""
        frame = to_pandas(rows)
        values = {
            name: frame[name].astype(object).map(dict(zip(texts, labels.values, strict=True)))
            for name, labels in self.labels.items()
            for texts in [_texts(labels)]
            if name in frame
        }
        return self.design(frame.assign(**values))

    def __call__(self, params: Floats, design: Design) -> Floats:
        """Return the means at other values of the parameters, on the scale of y, (n,)."""
        fit, scale = _moved(self.model.fit_, params), self.model._scale
        mean = predict(fit, design, Plan.of(fit.layout, self.kind, "fixed")).mean
        return scale.write(mean)


def _moved(fit: Fit, params: Floats) -> Fit:
    """Return the fit with other fixed effects, variances and bends."""
    ends = np.cumsum([len(part) for part in (*fit.beta, *fit.theta)])
    *parts, curves = np.split(params, ends)
    beta, theta = tuple(parts[: len(fit.beta)]), tuple(parts[len(fit.beta) :])
    pairs = zip(fit.bases, fit.layout.factors, theta, strict=True)
    lambdas = tuple(basis @ factor.covariance.factor(part) for basis, factor, part in pairs)
    return with_bends(replace(fit, beta=beta, theta=theta, lambdas=lambdas), curves)


def _texts(labels: Labels) -> list[str]:
    return [str(value) for value in labels.values]


def _categorized(frame: pd.DataFrame, known: Mapping[str, Labels], pl: Any) -> dict[str, Any]:
    """Columns in the types of polars, texts as categories with the order of the model."""
    columns: dict[str, Any] = {}
    for label in frame.columns:
        name, series = str(label), frame[label]
        values: Any = series.to_list()
        if name in known:
            order = _texts(known[name])
            values = [order[code] for code in known[name].codes(series, "column")]
        elif kind_of(series) == "text":
            values = series.astype(object).where(series.notna(), None)
            order = sorted(values.dropna().unique())
        else:
            columns[name] = pl.Series(name, values, strict=False)
            continue
        columns[name] = pl.Series(name, list(values), dtype=pl.Enum(order))
    return columns


def _adapter(mean: _Mean, frame: pd.DataFrame) -> Any:
    """Return the mean as a model of marginaleffects, which is imported here and nowhere else."""
    try:
        import polars as pl
        from marginaleffects.classes import ModelAbstract, ModelVault
    except ImportError as error:
        msg = (
            "to_marginaleffects needs the optional package marginaleffects, 0.6 or later: "
            "pip install 'skglmm[marginaleffects]'"
        )
        raise ImportError(msg) from error

    class Adapter(ModelAbstract):
        """The answers that marginaleffects asks of a model."""

        def find_variables(self) -> list[str]:
            return mean.needed

        def find_predictors(self) -> list[str]:
            return mean.predictors

        def find_response(self) -> None:
            return None

        @single_threaded
        def get_exog(self, newdata: Any) -> _AdapterRows:
            return _AdapterRows(mean.read(newdata))

        @single_threaded
        def get_predict(self, params: Floats, newdata: Any) -> Any:
            rows = newdata if isinstance(newdata, _AdapterRows) else self.get_exog(newdata)
            values = mean(np.asarray(params, dtype=np.float64), rows.design)
            index = pl.Series(range(len(values)), dtype=pl.Int32)
            return pl.DataFrame({"rowid": index, "estimate": values})

    vault = ModelVault(
        coef=mean.params,
        coefnames=np.array(mean.names, dtype=object),
        vcov=mean.covariance,
        modeldata=pl.DataFrame(_categorized(frame, mean.labels, pl)),
        formula=f"mean ~ {' + '.join(['1', *map(quote, mean.needed)])}",  # for their names
        package="skglmm",
    )
    return Adapter(mean.model, vault)


@dataclass(frozen=True)
class _AdapterRows:
    """Rows whose design is made once for all values of the parameters."""

    design: Design

    @property
    def shape(self) -> tuple[int]:
        return (self.design.n_samples,)

    def __getitem__(self, rows: slice) -> "_AdapterRows":
        return _AdapterRows(self.design.take(rows))
