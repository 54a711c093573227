"""One model fitted to many responses."""

import sys
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Any

from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning

from skglmm import inference as infer
from skglmm.estimators.base.mixed_model import MixedModel
from skglmm.estimators.reading.frames import fit_frame
from skglmm.estimators.reading.model import read_model
from skglmm.estimators.reading.validation import check_choice, check_parameters, check_weights
from skglmm.estimators.runtime.replicates import share_out
from skglmm.estimators.runtime.threads import single_threaded
from skglmm.estimators.runtime.warnings import tell, tell_constant, tell_dropped
from skglmm.families import Family
from skglmm.multioutput.responses import SHOWN, Responses, read_responses
from skglmm.multioutput.shared_model import SharedModel
from skglmm.parts import is_dask

__all__ = ["fit_many"]


@single_threaded
def fit_many(
    model: Any,
    X: Any,
    Y: Any,
    sample_weight: Any = None,
    *,
    df: str = "auto",
    missing: str = "drop",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> infer.ManyFits:
    """Fit a mixed model to many responses of the same rows, such as genes, voxels or items.

    Formulas, columns and groups are read once. The numbers of a response are those of
    ``model.fit(X, y)`` for it alone: they depend neither on the other responses and their order
    nor on `n_jobs`. A response that has no fit does not stop the others; one whose values are all
    equal is left out, as it has nothing to tell.

    Parameters
    ----------
    model : estimator
        Of skglmm, fitted or not; it stays as it is. Its own `n_jobs` and `verbose` do not count.
    X : DataFrame or array-like, shape (n_samples, n_features)
        As in `fit`.
    Y : DataFrame or array-like, shape (n_samples, n_responses)
        A column for each response, of pandas or polars with its name; those of an array are
        called y0, y1, and so on.
    sample_weight : array-like, shape (n_samples,), default=None
        As in `fit`, for all responses.
    df : str, default="auto"
        Degrees of freedom of the fixed effects, as in `summary`: Satterthwaite's for linear mixed
        models, and none for others.
    missing : {"drop", "error"}, default="drop"
        What to do where single values are missing: fit each response to the rows that have one,
        which n_obs counts, or refuse. Codings, knots and levels are those of all rows.
    n_jobs : int, default=None
        Number of workers: None is 1 unless a ``joblib.parallel_config`` says otherwise, -1 is all
        processors.
    verbose : int, default=0
        Whether to print how many responses are done.

    Returns
    -------
    ManyFits
        With a frame of all estimates, `to_frame`, of the tests of one coefficient, with p-values
        adjusted for their number, `coefficient`, and of the state of each fit, `glance`.

    Raises
    ------
    ValueError
        When data or parameters cannot make a model, no response has a fit, or `df` is not for such
        a model.
    TypeError
        When the model is no skglmm estimator, or Y holds texts where the model takes numbers.

    Warns
    -----
    ConvergenceWarning
        When responses have no fit, or one that did not converge; glance() says why.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skglmm import PoissonGLMMRegressor
    >>> from skglmm.multioutput import fit_many
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"treated": np.tile([0, 1], 40), "donor": np.repeat(np.arange(8), 10)})
    >>> level = 3 + rng.normal(0, 0.4, (8, 5))[X["donor"]] + np.outer(X["treated"], [1, 0, 0, 0, 0])
    >>> Y = pd.DataFrame(rng.poisson(np.exp(level)), columns=list("abcde"))
    >>> fits = fit_many(PoissonGLMMRegressor("treated + (1 | donor)"), X, Y)
    >>> fits.coefficient("treated")[["estimate", "std_error", "p_adjusted"]].round(3)
       estimate  std_error  p_adjusted
    a     1.020      0.043       0.000
    b    -0.101      0.047       0.083
    c     0.026      0.051       0.743
    d     0.017      0.049       0.743
    e    -0.015      0.047       0.743
    """
    check_choice("missing", missing, ("drop", "error"))
    check_choice("df", df, infer.DF_METHODS)
    shared, responses = _read(_checked(model), X, Y, sample_weight)
    if missing == "error" and responses.partial:
        names, more = responses.partial, ", ..." if len(responses.partial) > SHOWN else ""
        msg = (
            f"{len(names)} of {len(responses.names)} responses miss values: "
            f"{', '.join(names[:SHOWN])}{more}; missing='drop' fits each to the rows that it has"
        )
        raise ValueError(msg)
    items = list(zip(responses.columns, responses.seen, strict=True))
    report = partial(_print_progress, len(items), perf_counter()) if verbose else None
    found = share_out(partial(shared.fits, df=df), items, n_jobs, report)
    if all(each.labels is None for each in found):
        msg = f"none of {len(found)} responses has a fit; the first: {found[0].message}"
        raise ValueError(msg)
    fits = infer.ManyFits.of(responses.names, found)
    for note in fits.notes:
        tell(note.text, ConvergenceWarning)
    return fits


def _print_progress(n_responses: int, start: float, n_done: int) -> None:
    seconds = perf_counter() - start
    sys.stdout.write(f"{n_done} of {n_responses} responses, {seconds:.1f} s\n")


def _checked(model: Any) -> MixedModel:
    if not isinstance(model, MixedModel):
        msg = (
            f"model is a {type(model).__name__}, expected a skglmm estimator such as LMMRegressor; "
            "of a pipeline pass the last step, and X as the others transform it"
        )
        raise TypeError(msg)
    copy: MixedModel = clone(model)  # reading X leaves its names in an estimator
    check_parameters(copy)
    return copy


def _settled(model: MixedModel, responses: Responses) -> Family:
    """Return the family that knows what the first response is from which there is to learn."""
    family = model._make_family()
    draft = model._make_scale(family)
    for column, seen in zip(responses.columns, responses.seen, strict=True):
        with suppress(ValueError, TypeError):  # which its own fit will tell of
            return model._settled(family, draft.learn(model._column(column[seen])))
    return family


def _read(model: MixedModel, X: Any, Y: Any, sample_weight: Any) -> tuple[SharedModel, Responses]:
    """Read formulas, columns and groups, and the responses of rows of positive weight."""
    if is_dask(X):
        msg = "X is a dask DataFrame, expected rows in memory; call X.compute(), and Y.compute()"
        raise TypeError(msg)
    model._refuse_sums("fit_many")
    frame = fit_frame(model, X)
    responses = read_responses(Y, len(frame), labels=is_classifier(model))
    weights = check_weights(sample_weight, len(frame))
    if weights is not None and not weights.all():
        kept = weights > 0
        frame, responses = frame.loc[kept], responses.take(kept)
        weights = check_weights(weights[kept], len(frame))
    family = _settled(model, responses)
    model._make_scale(family).refuse_rows(frame)
    parts = read_model(model, family, frame, None)
    spec, design = model._learn(parts, frame)
    tell_dropped(parts.dropped)
    tell_constant(spec.constant)
    return SharedModel.of(model, family, spec, design, weights), responses
