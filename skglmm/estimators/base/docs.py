"""Paragraphs that the docstrings of the estimators share."""

from inspect import cleandoc
from string import Template

__all__ = ["filled"]

_SHARED = {
    "formula_and_groups": """\
formula : str, default=None
    Right-hand side in lme4's notation, e.g. ``"x + (1 + x | g) + (1 | g:site)"``, or the
    fixed part alone. None takes every column of X that is not a grouping factor or the
    offset: numbers as they are, categories dummy-coded. A left-hand side is only a label.
groups : str, int, list or dict, default=None
    Grouping columns, where the formula has no bar: ``"g"`` is ``{"g": "1"}``, an
    intercept for each level; a list has an intercept each; a dict maps a column, or
    ``"a/b"``, to the formula of the effects, or to a list of them for independent
    blocks. Integers are positions of columns.
covariance : str or dict, default="unstructured"
    How the effects of a level in `groups` vary together: "unstructured", "diagonal",
    "compound_symmetry" ...; a dict has one for each grouping column that is not unstructured. In
    formulas it is a word before the term, ``cs(1 + x | g)``.
relationships : dict of str to DataFrame or tuple, default=None
    Known relationships of individuals, such as a pedigree's, by the name that formulas call them
    by, ``known(1 | id, A)``: a DataFrame with the individuals as index and columns, or a pair of
    an array and their labels. A sparse array is the inverse.
""",
    "precision": """\
precision : str, default="1"
    One-sided formula of the log precision; it may have random effects, and terms with the
    same key, ``(1 |p| g)`` here and in `formula`, are correlated.
""",
    "dispersion": """\
dispersion : str, default="1"
    One-sided formula of the log dispersion; it may have random effects, and terms with the same
    key, ``(1 |p| g)`` here and in `formula`, are correlated.
""",
    "hurdle": """\
zero : str, default=None
    One-sided formula of the logit of the probability that a response is 0, which may have random
    effects; None for responses that are all positive.
""",
    "counts": """\
zero : str, default=None
    One-sided formula of the logit of the probability of zeros, which may have random effects;
    None for a model without it.
zero_kind : {"inflated", "hurdle"}, default="inflated"
    Whether `zero` describes extra zeros, beside those of the counts, or all of them: counts are
    positive then where they are not zero.
truncated : bool, default=False
    Whether zeros cannot be seen; for data without any.
""",
    "exposure": """\
exposure : str, default=None
    Column of what responses are observed in, such as hours or areas: means are proportional to it,
    as its logarithm is added to the predictor of the log mean. `predict` has those of the rows'
    own exposure, `predict_rate` those of one unit.
""",
    "trials": """\
trials : int or str, default=1
    Number of trials of each row: one number for all rows, or the column that holds them. Responses
    are the successes among them. `predict` has the mean number of successes in the rows' own
    trials, `predict_rate` the probability of a success.
zero : str, default=None
    One-sided formula of the logit of the probability of extra zeros, beside those that the trials
    have by chance; it may have random effects. None for a model without them.
""",
    "zero_coefficients": """\
zero_coef_ : ndarray, shape (n_zero_coef,)
    Fixed effects of the probability of zeros, on the logit scale, the intercept first; only with
    a formula of `zero`.
""",
    "quadrature": """\
n_quadrature : int, default=1
    Points of adaptive Gauss-Hermite quadrature for each random effect; 1 is Laplace's
    approximation. More are for random effects of one grouping factor, or of factors that are
    nested in each other, three of a level at the most, and worth it where its levels have few
    rows that tell little. The points of all effects, those of nested factors together, multiply.
""",
    "reml": """\
reml : bool, default=False
    Whether the fixed effects of the location are integrated out of the likelihood, in Laplace's
    approximation, when all else is estimated (REML), so that variances are not too small where
    groups are few. The log likelihood is a restricted one then, and compares models with the same
    fixed effects only. False is maximum likelihood.
""",
    "link_and_bounds": """\
link : {"logit", "probit", "cloglog", "loglog", "cauchit"}, default="logit"
    Link of the mean.
bounds : tuple of float, default=(0.0, 1.0)
    The interval on which the response lives; ``(0, 100)`` for percentages.
boundary : {"error", "squeeze"} or float, default="error"
    What to do with responses exactly on a bound that has no probability of its own: refuse
    them; move all responses a little towards the middle, "squeeze", which is
    :math:`(u (n - 1) + 1/2) / n` on the unit scale [1]_; or move only those on the bound
    inside, by this fraction of the width.
""",
    "others": """\
predict_kind : {"conditional", "posterior", "fixed", "marginal"}, default="conditional"
    What predictions and `score` use: the effects of each row's own group, an average over what
    its rows say of them, those of a typical group (0), or the average over groups. For
    "posterior" a fit keeps numbers by group, so that it is to be chosen before `fit`.
new_groups : {"marginal", "fixed", "nan", "error"}, default="marginal"
    Levels that fit has not seen are averaged over, taken as typical, predicted as NaN, or
    refused.
offset : str, default=None
    Column that is added to the linear predictor of the mean, as ``offset(column)`` in a
    formula is to that of its predictor.
priors : dict or "weak", default=None
    Prior densities of parameters, so that estimates are modes of the posterior density, as for
    separated responses and variances estimated as zero. A dict of texts by what they are of:
    ``{"x": "normal(0, 2.5)", "fixed": "t(4, 0, 2.5)", "sd": "gamma(2, 0.1)",
    "sd(x | g)": "half-normal(1)", "corr": "lkj(2)"}``; coefficients, terms and standard
    deviations by their names, or all "fixed" effects but the intercept, all "sd", all "corr". On
    columns as they are in X. "weak" has moderate ones for all of them, in the units of the
    columns.
context : dict of str to callable, default=None
    Functions that formulas may call besides the known ones. This is trusted code.
inference : bool, default=True
    Whether `fit` computes the covariance of the estimates.
tol : float, default=1e-8
    Log-likelihood units that the optimizer may leave to gain.
max_iter : int, default=200
    Most iterations of the optimizer.
n_jobs : int, default=None
    Processes that share the rows of a fit, in ranges of 16,000; None is 1, -1 all. Results are the
    same to the last bit. With fewer than 500,000 rows, in workers and under the threading backend
    of joblib, and in a Python without a global lock they are threads.
solver : {"auto", "direct", "iterative"}, default="auto"
    How random effects are solved for. "direct" factorizes a matrix of all effects beside those of
    the largest factor, exactly; "iterative" does without it, so that millions of rows with crossed
    factors of many thousand levels can be fitted: modes are exact, and the log likelihood is
    estimated, see `log_likelihood_std_error_`. "auto" is direct up to 10,000 such effects,
    above which iterations are faster, if there is memory for five matrices of them (4 GB for
    10,000), and "iterative" up to 1,500, where iterations would only be slower. "direct" is refused
    where the memory that is available is too small.
random_state : int, RandomState or None, default=0
    Of the signs that estimate the log likelihood by iterations: the same number has the same
    result, whatever `n_jobs` is.
verbose : int, default=0
    Whether to print a line for each iteration.
""",
    "coefficients": """\
coef_ : ndarray, shape (n_coef,)
    Fixed effects of the mean without the intercept, on the link's scale.
coef_names_ : list of str
    Their names.
intercept_ : float
    Intercept of the mean, on the link's scale; 0 if the formula has none.
""",
    "precision_coefficients": """\
precision_coef_ : ndarray, shape (n_precision_coef,)
    Fixed effects of the log precision, the intercept first.
""",
    "dispersion_coefficients": """\
dispersion_coef_ : ndarray, shape (n_dispersion_coef,)
    Fixed effects of the log dispersion, the intercept first.
""",
    "references": """\
.. [1] Smithson, M. & Verkuilen, J. (2006). A better lemon squeezer? Psychological
   Methods, 11(1), 54-71.
.. [2] Brooks, M. E. et al. (2017). glmmTMB balances speed and flexibility among packages
   for zero-inflated generalized linear mixed modeling. The R Journal, 9(2), 378-400.
""",
    "boundary_results": """\
n_boundary_ : int
    Responses that `boundary` moved: those on a bound, or all of them for "squeeze".
""",
    "results": """\
log_likelihood_ : float
    Maximized log likelihood of y on its own scale, in the approximation of the fit; a restricted
    one where fixed effects are integrated out.
log_likelihood_std_error_ : float
    What chance may have done to it, where random effects are solved for by iterations; 0 where it
    is exact. It is common to fits with the same `random_state`, and largely cancels between them.
log_prior_ : float
    Log density of the priors at the estimates, which is no part of the log likelihood; 0 without.
aic_, bic_ : float
    Information criteria.
n_params_ : int
    Number of estimated parameters, all fixed effects among them.
n_obs_ : int
    Number of rows of positive weight.
n_levels_ : dict of str to int
    Number of levels of each grouping factor.
converged_ : bool
    Whether the optimizer found the maximum.
is_singular_ : bool
    Whether a variance is 0 or a correlation is plus or minus 1.
n_iter_ : int
    Iterations of the optimizer.
formula_ : str
    The formula of the mean in one spelling that all its spellings share.
formulas_ : dict of str to str
    Those of all linear predictors, in the same spelling.
random_terms_ : tuple of Bar
    Random-effects terms of all linear predictors.
fit_ : Fit
    The frozen result that all other attributes are views of.
n_features_in_ : int
    Number of columns of X.
feature_names_in_ : ndarray of str, shape (n_features,)
    Names of the columns of X, if it is a data frame with names.
""",
}


def filled(docstring: str) -> str:
    """Return a docstring with the shared paragraphs in place of its ``$names``."""
    paragraphs = {name: text.strip() for name, text in _SHARED.items()}
    return Template(cleandoc(docstring)).substitute(paragraphs)
