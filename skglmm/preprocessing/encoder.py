"""Cross-fitted effects of categories, as a scikit-learn transformer."""

from itertools import product
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from skglmm.arrays import Floats, Ints
from skglmm.engine import Solver
from skglmm.estimators.reading.validation import check_flag, check_weights
from skglmm.estimators.runtime.solver import read_solver
from skglmm.estimators.runtime.threads import SingleThreaded, single_threaded
from skglmm.estimators.runtime.warnings import tell
from skglmm.preprocessing.categories import Categories, places
from skglmm.preprocessing.effects import CategoryEffects, Coded, encoded, estimate_effects, joined
from skglmm.preprocessing.folds import folds_of
from skglmm.preprocessing.table import InputTable, fit_table, laid_out, transform_table
from skglmm.preprocessing.target import Target, read_target

__all__ = ["GLMMEncoder"]


class _TrainingRows(NamedTuple):
    """What `fit` has read: the table, codes of each encoded column, the target, weights."""

    table: InputTable
    codes: list[Ints]
    target: Target
    weights: Floats | None


class GLMMEncoder(SingleThreaded, TransformerMixin, BaseEstimator):
    r"""Encode categories by their effects in a mixed model, cross-fitted.

    A column of categories, such as cities, customers or product codes, becomes a column of
    numbers: the random intercept of the category [1]_, a prediction that is pulled towards 0 the
    more, the fewer rows the category has and the less categories differ. It is what scikit-learn's
    ``TargetEncoder`` does by averages; here the variances, and with them the amount of shrinkage,
    are estimated by maximum likelihood, and several columns are encoded together, as crossed
    effects ``(1 | a) + (1 | b)`` of one model, so that what belongs to a is not counted in b again.

    Effects are on the scale of the linear predictor and 0 on average: in the units of a
    continuous target, log odds of a binary one, log ratios of counts.

    Parameters
    ----------
    columns : list of str or int, str, int or callable, default=None
        Names or positions of the columns that are encoded, or a function that selects names from X,
        such as ``make_column_selector``; None are all. The others stay as they are, in their
        places; a ``ColumnTransformer`` around the encoder drops them.
    target_type : {"auto", "continuous", "binary", "count", "multiclass"}, default="auto"
        What the target is: real numbers (a linear mixed model), two classes (logistic), counts
        (Poisson), or several classes, of which each makes a column, by a logistic model of this
        class against the others. "auto" takes two different values for binary, numbers that are
        not whole for continuous, texts and up to 30 different whole numbers for classes, as
        ``TargetEncoder`` does; counts have to be called so.
    cv : int, splitter, iterable of (train, test) or None, default=5
        Folds of the cross-fitting of `fit_transform`: each row gets an effect that was estimated
        without its fold. An int or None (5 folds) makes ``StratifiedKFold`` for classes, ``KFold``
        for others. Each row has to be tested once.
    smooth : "auto" or float, default="auto"
        How many rows the average of all rows is worth: a category with as many rows of its own is
        pulled half of the way to it. "auto" estimates the variance of the effects, and with it
        this number. Of classes and counts, rows count as much as an average one.
    joint : bool, default=True
        Whether columns are encoded together, by crossed effects of one model. False makes a model
        of each column by itself, as ``TargetEncoder`` does, which is faster.
    return_std : bool, default=False
        Whether each encoded column is followed by one with the standard deviations of its effects
        given the data, which tell a model that comes later how far to trust them.
    shuffle : bool, default=True
        Whether rows are shuffled before they are split into folds, if `cv` is an int or None.
    solver : {"auto", "direct", "iterative"}, default="auto"
        How the effects of columns that are encoded together are solved for, as of the estimators:
        "direct" is exact, with a dense matrix of all categories but those of the column that has
        the most; "iterative" does without it, for many thousands of them; "auto" is "direct" for
        up to 10,000, if these fit into memory.
    random_state : int, RandomState or None, default=None
        Of the shuffling, and of the signs that estimate a likelihood by iterations; an int makes
        the same folds and the same effects each time.
    n_jobs : int, default=None
        Number of threads that share the fits: None is 1 unless a ``joblib.parallel_config`` says
        otherwise, -1 is all processors.

    Attributes
    ----------
    categories_ : list of ndarray
        Categories of each encoded column, sorted. Missing values are a category of their own, the
        last one.
    encodings_ : list of ndarray
        Effect of each category, by all rows: for each encoded column, and for each class if the
        target is multiclass, in the order of the columns of `transform`.
    encodings_std_ : list of ndarray
        Their standard deviations given the data.
    effects_std_ : ndarray, shape (n_encodings,)
        Estimated standard deviation of the effects of all categories, one for each array of
        `encodings_`; what unknown categories have in place of a standard deviation of their own.
        0 where categories do not differ, or rows do not tell.
    columns_ : ndarray of int
        Positions of the encoded columns.
    target_type_ : str
        What the target is.
    target_mean_ : float or ndarray, shape (n_classes,)
        Mean of the target, or share of the second class, or of each.
    classes_ : ndarray or None
        Sorted labels of the classes; None of other targets.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray, shape (n_features,)
        Names of the columns of X, if all are texts.

    See Also
    --------
    sklearn.preprocessing.TargetEncoder : Averages, column by column.
    skglmm.LMMRegressor : The model itself, of a continuous target.

    Notes
    -----
    ``fit(X, y).transform(X)`` is not ``fit_transform(X, y)``: the latter never uses the target of
    a row, or of its fold, to encode it. Training data are encoded by `fit_transform`, as pipelines
    do; otherwise a model that comes later learns to trust effects that have seen its answers.

    A variance that is estimated as 0 is an answer, and there is no warning: all effects are 0. So
    they are where a column has one category, where no category of a binary or continuous target
    has two rows, and where all responses are equal.

    References
    ----------
    .. [1] Pargent, F., Pfisterer, F., Thomas, J. & Bischl, B. (2022). Regularized target encoding
       outperforms traditional methods in supervised machine learning with high cardinality
       features. Computational Statistics, 37(5), 2671-2692.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm.preprocessing import GLMMEncoder
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"city": rng.integers(0, 50, 400), "shop": rng.integers(0, 90, 400)})
    >>> y = rng.normal(0, 2, 50)[X["city"]] + rng.normal(0, 1, 90)[X["shop"]]
    >>> y = y + rng.normal(0, 1, 400)
    >>> encoder = GLMMEncoder(random_state=0).set_output(transform="pandas")
    >>> encoder.fit_transform(X, y).shape
    (400, 2)
    >>> encoder.effects_std_.round(1)
    array([2.1, 1. ])
    >>> encoder.transform(pd.DataFrame({"city": [3, 999], "shop": [999, 999]})).round(1)
       city  shop
    0  -0.1   0.0
    1   0.0   0.0
    """

    def __init__(
        self,
        columns: Any = None,
        *,
        target_type: str = "auto",
        cv: Any = 5,
        smooth: Any = "auto",
        joint: bool = True,
        return_std: bool = False,
        shuffle: bool = True,
        solver: str = "auto",
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.columns = columns
        self.target_type = target_type
        self.cv = cv
        self.smooth = smooth
        self.joint = joint
        self.return_std = return_std
        self.shuffle = shuffle
        self.solver = solver
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn the effects of the categories from all rows.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            Columns of categories, of pandas or polars, or of an array: texts, numbers, booleans,
            dates, categoricals; missing values are a category, too.
        y : array-like, shape (n_samples,)
            The target.
        sample_weight : array-like, shape (n_samples,), default=None
            A weight of 2 is the row twice.

        Returns
        -------
        object
            The encoder itself. Training data are encoded by `fit_transform`.

        Raises
        ------
        ValueError
            When a parameter or the data are not possible; among them DesignError, when columns
            have too many categories to be encoded together.
        TypeError
            When a column holds values that are no categories.

        Warns
        -----
        ConvergenceWarning
            When a fit did not converge.

        Examples
        --------
        >>> from skglmm.preprocessing import GLMMEncoder
        >>> X = [["a"], ["a"], ["b"], ["b"], ["c"], ["c"]]
        >>> encoder = GLMMEncoder().fit(X, [1.2, 1.4, 2.1, 2.4, 0.5, 0.2])
        >>> encoder.encodings_[0].round(2)[1:]
        array([ 0.93, -0.93])
        """
        rows = self._read(X, y, sample_weight)
        self._publish(rows, self._effects(rows, [None])[0])
        return self

    def fit_transform(
        self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None
    ) -> Any:
        """Learn the effects, and encode each row by those that its fold had no part in.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            As in `fit`.
        y : array-like, shape (n_samples,)
            The target.
        sample_weight : array-like, shape (n_samples,), default=None
            As in `fit`.
        groups : array-like, shape (n_samples,), default=None
            Groups of rows for a `cv` that keeps them together, such as ``GroupKFold``.

        Returns
        -------
        ndarray or DataFrame, shape (n_samples, n_features_out)
            As of `transform`.

        Raises
        ------
        ValueError
            As in `fit`, and when `cv` does not test each row once.
        TypeError
            As in `fit`.

        Warns
        -----
        ConvergenceWarning
            As in `fit`.

        Examples
        --------
        >>> from skglmm.preprocessing import GLMMEncoder
        >>> X = [["a"], ["a"], ["a"], ["b"], ["b"], ["b"], ["c"], ["c"], ["c"]]
        >>> y = [1.2, 1.4, 1.3, 2.1, 2.4, 2.4, 0.5, 0.2, 0.3]
        >>> GLMMEncoder(cv=3, random_state=0).fit_transform(X, y).shape
        (9, 1)
        """
        rows = self._read(X, y, sample_weight)
        folds = folds_of(self, X, rows.target, groups)
        whole, *parts = self._effects(rows, [None, *(train for train, _ in folds)])
        self._publish(rows, whole)
        n = len(rows.target.labels)
        modes = np.empty((n, len(rows.codes), len(rows.target.suffixes)))
        std_devs = np.empty_like(modes)
        for (_, test), effects in zip(folds, parts, strict=True):
            codes = [column[test] for column in rows.codes]
            modes[test], std_devs[test] = encoded(effects, codes, len(test))
        return self._laid_out(rows.table, modes, std_devs)

    def transform(self, X: Any) -> Any:
        """Encode rows by the effects that were learned from all rows of `fit`.

        Parameters
        ----------
        X : DataFrame or array-like, shape (n_samples, n_features)
            The columns of `fit`.

        Returns
        -------
        ndarray or DataFrame, shape (n_samples, n_features_out)
            Effects in place of categories; 0 for those that `fit` has not seen, with the
            standard deviation of all categories. Other columns are as they were: an array of
            objects where they hold no numbers, unless ``set_output`` asks for frames.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When columns are missing or others than those of `fit`.

        Examples
        --------
        >>> from skglmm.preprocessing import GLMMEncoder
        >>> X = [["a"], ["a"], ["b"], ["b"], ["c"], ["c"]]
        >>> encoder = GLMMEncoder(return_std=True).fit(X, [1.2, 1.4, 2.1, 2.4, 0.5, 0.2])
        >>> encoder.transform([["b"], ["unknown"]]).round(2)
        array([[0.93, 0.13],
               [0.  , 0.94]])
        """
        check_is_fitted(self)
        table = transform_table(self, X)
        pairs = zip(self._categories, self.columns_, strict=True)
        codes = [each.codes(table.column(place)) for each, place in pairs]
        modes, std_devs = encoded(self._found, codes, table.n_rows)
        return self._laid_out(table, modes, std_devs)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns that come out.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X, if these have none; those of `fit` otherwise.

        Returns
        -------
        ndarray of object
            Names of the columns of X, with those of classes behind, ``city_red``, if there are
            several, and ``city_std`` for standard deviations.

        Raises
        ------
        NotFittedError
            When `fit` was not called.
        ValueError
            When the names are not those of `fit`.

        Examples
        --------
        >>> from skglmm.preprocessing import GLMMEncoder
        >>> X = [["a"], ["a"], ["b"], ["b"], ["c"], ["c"]]
        >>> encoder = GLMMEncoder(return_std=True).fit(X, [1.2, 1.4, 2.1, 2.4, 0.5, 0.2])
        >>> encoder.get_feature_names_out(["city"])
        array(['city', 'city_std'], dtype=object)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        out: list[Any] = []
        for place, name in enumerate(names):
            if place not in self.columns_:
                out.append(name)
                continue
            for suffix in self._suffixes:
                out += [f"{name}{suffix}", f"{name}{suffix}_std"][: 1 + self.return_std]
        return np.array(out, dtype=object)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose what comes out of `transform` and `fit_transform`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            An array, or a frame of one of these packages; None leaves the choice as it is.

        Returns
        -------
        object
            The encoder itself.
        """
        made: Self = super().set_output(transform=transform)
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.input_tags.allow_nan = True
        return tags

    def _read(self, X: Any, y: Any, sample_weight: Any) -> _TrainingRows:
        self._check_parameters()
        table = fit_table(self, X)
        target = read_target(type(self).__name__, y, self.target_type)
        n, names = len(target.labels), getattr(self, "feature_names_in_", None)
        if n != table.n_rows:
            msg = (
                "Found input variables with inconsistent numbers of samples: "
                f"X has {table.n_rows} rows, y has {n}"
            )
            raise ValueError(msg)
        weights = check_weights(sample_weight, n)
        chosen = places(self.columns, X, names, self.n_features_in_)
        self.columns_ = np.array(sorted(chosen), dtype=np.intp)
        learned = [Categories.learn(table.column(j), table.names[j]) for j in self.columns_]
        self._categories = [categories for categories, _ in learned]
        return _TrainingRows(table, [codes for _, codes in learned], target, weights)

    def _check_parameters(self) -> None:
        for name in ("joint", "return_std", "shuffle"):
            check_flag(name, getattr(self, name))
        is_number = isinstance(self.smooth, Real) and not isinstance(self.smooth, bool)
        if self.smooth != "auto" and not (is_number and 0.0 < self.smooth < np.inf):
            msg = f"smooth={self.smooth!r} must be 'auto' or a number of rows above 0"
            raise ValueError(msg)

    def _effects(
        self, rows: _TrainingRows, trains: list[Ints | None]
    ) -> list[list[CategoryEffects]]:
        """Return the effects by some rows, or all, of each response."""
        smooth = None if self.smooth == "auto" else float(self.smooth)
        solver = read_solver(self.solver, self.random_state)
        every = range(len(rows.codes))
        together = [list(every)] if self.joint else [[j] for j in every]
        tasks = [
            (train, self._coded(rows, response, block))
            for train, response, block in product(trains, rows.target.responses.T, together)
        ]
        estimate = delayed(_estimated)
        parallel = Parallel(n_jobs=self.n_jobs, prefer="threads")
        found = iter(parallel(estimate(*task, rows.target.type, smooth, solver) for task in tasks))
        effects = [[joined(found, len(together)) for _ in rows.target.suffixes] for _ in trains]
        failed = sum(not each.converged for several in effects for each in several)
        if failed:
            text = (
                f"{failed} of {len(effects) * len(effects[0])} fits of the encoder did not "
                "converge; their effects are those of its last step"
            )
            tell(text, ConvergenceWarning)
        return effects

    def _coded(self, rows: _TrainingRows, response: Floats, columns: list[int]) -> Coded:
        """Return some of the columns, with a response."""
        return Coded(
            tuple(self._categories[j].name for j in columns),
            tuple(rows.codes[j] for j in columns),
            tuple(len(self._categories[j]) for j in columns),
            response,
            rows.weights,
        )

    def _publish(self, rows: _TrainingRows, found: list[CategoryEffects]) -> None:
        self._found, self._suffixes = found, rows.target.suffixes
        each = [(j, effects) for j in range(len(rows.codes)) for effects in found]
        self.categories_ = [categories.values for categories in self._categories]
        self.encodings_ = [effects.modes[j] for j, effects in each]
        self.encodings_std_ = [effects.std_devs[j] for j, effects in each]
        self.effects_std_ = np.array([effects.spreads[j] for j, effects in each])
        self.target_type_, self.classes_ = rows.target.type, rows.target.classes
        mean = np.average(rows.target.responses, axis=0, weights=rows.weights)
        self.target_mean_ = mean if self.target_type_ == "multiclass" else float(mean[0])

    def _laid_out(self, table: InputTable, modes: Floats, std_devs: Floats) -> Any:
        """Put effects, (n, columns, responses), in the places of the columns."""
        both = np.stack([modes, std_devs][: 1 + self.return_std], axis=-1)
        columns = zip(self.columns_.tolist(), np.moveaxis(both, 1, 0), strict=True)
        blocks = {place: block.reshape(len(block), -1) for place, block in columns}
        return laid_out(self, table, blocks)


def _estimated(
    train: Ints | None, rows: Coded, target_type: str, smooth: float | None, solver: Solver
) -> CategoryEffects:
    """Return the effects by some rows, or all; those of weight 0 do not count."""
    rows = rows if train is None else rows.take(train)
    if rows.weights is not None and not rows.weights.all():
        rows = rows.take(rows.weights > 0)
    return single_threaded(estimate_effects)(rows, target_type, smooth, solver)
