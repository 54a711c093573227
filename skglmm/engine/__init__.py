"""The approximated likelihood of a mixed model: mode, objective, exact gradient."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.engine.binding import arrange, assemble, bind, bind_part, is_nested
    from skglmm.engine.gaussian.dense_whole import maximum_of
    from skglmm.engine.gaussian.equations import MixedModelEquations
    from skglmm.engine.gaussian.linear import (
        LinearModel,
        LinearRows,
        ProfiledGaussian,
        linear_model,
    )
    from skglmm.engine.gaussian.profiled import ProfileMode
    from skglmm.engine.gaussian.whole import Maximum
    from skglmm.engine.iterative.plan import ProbePlan, Solver, UnsolvedError, solver_of
    from skglmm.engine.iterative.system import settled, sharpened
    from skglmm.engine.mode.mode import find_mode
    from skglmm.engine.mode.point import (
        evaluate,
        expected_cross_products,
        observed_cross_products,
        score_sums,
        third_slopes,
    )
    from skglmm.engine.mode.posterior import effect_information, n_pairs, posterior
    from skglmm.engine.mode.system import prior_hessian
    from skglmm.engine.objective.effect_posterior import PosteriorNodes, effect_posterior
    from skglmm.engine.objective.expansion import Expansion, expansion
    from skglmm.engine.objective.laplace import Laplace
    from skglmm.engine.objective.quadrature import AdaptiveQuadrature
    from skglmm.engine.objective.sensitivity import (
        fixed_information,
        fixed_score,
        information,
        jacobian,
        level_totals,
        observed_information,
        tangent,
        theta_information,
    )
    from skglmm.engine.objective.variational import PosteriorNormal
    from skglmm.engine.penalty import (
        CoefficientOf,
        CorrelationsOf,
        Penalty,
        PenaltyTerm,
        Quantity,
        SpreadOf,
        ThroughLink,
    )
    from skglmm.engine.prior import Coupling, EffectInformation, NormalPosterior
    from skglmm.engine.problem.approximation import Approximation
    from skglmm.engine.problem.problem import Modes, Problem
    from skglmm.engine.problem.within import constant_within
    from skglmm.engine.rows.effects import Effects
    from skglmm.engine.rows.params import Params, Sizes
    from skglmm.engine.rows.records import Mode, Objective, Point, State
    from skglmm.engine.rows.shard import Shard
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.engine.binding": "arrange assemble bind bind_part is_nested",
            "skglmm.engine.gaussian.dense_whole": "maximum_of",
            "skglmm.engine.gaussian.equations": "MixedModelEquations",
            "skglmm.engine.gaussian.linear": "LinearModel LinearRows ProfiledGaussian linear_model",
            "skglmm.engine.gaussian.profiled": "ProfileMode",
            "skglmm.engine.gaussian.whole": "Maximum",
            "skglmm.engine.iterative.plan": "ProbePlan Solver UnsolvedError solver_of",
            "skglmm.engine.iterative.system": "settled sharpened",
            "skglmm.engine.mode.mode": "find_mode",
            "skglmm.engine.mode.point": (
                "evaluate expected_cross_products observed_cross_products score_sums third_slopes"
            ),
            "skglmm.engine.mode.posterior": "effect_information n_pairs posterior",
            "skglmm.engine.mode.system": "prior_hessian",
            "skglmm.engine.objective.effect_posterior": "PosteriorNodes effect_posterior",
            "skglmm.engine.objective.expansion": "Expansion expansion",
            "skglmm.engine.objective.laplace": "Laplace",
            "skglmm.engine.objective.quadrature": "AdaptiveQuadrature",
            "skglmm.engine.objective.sensitivity": (
                "fixed_information fixed_score information jacobian level_totals "
                "observed_information tangent theta_information"
            ),
            "skglmm.engine.objective.variational": "PosteriorNormal",
            "skglmm.engine.penalty": (
                "CoefficientOf CorrelationsOf Penalty PenaltyTerm Quantity SpreadOf ThroughLink"
            ),
            "skglmm.engine.prior": "Coupling EffectInformation NormalPosterior",
            "skglmm.engine.problem.approximation": "Approximation",
            "skglmm.engine.problem.problem": "Modes Problem",
            "skglmm.engine.problem.within": "constant_within",
            "skglmm.engine.rows.effects": "Effects",
            "skglmm.engine.rows.params": "Params Sizes",
            "skglmm.engine.rows.records": "Mode Objective Point State",
            "skglmm.engine.rows.shard": "Shard",
        },
    )

__all__ = [
    "AdaptiveQuadrature",
    "Approximation",
    "CoefficientOf",
    "CorrelationsOf",
    "Coupling",
    "EffectInformation",
    "Effects",
    "Expansion",
    "Laplace",
    "LinearModel",
    "LinearRows",
    "Maximum",
    "MixedModelEquations",
    "Mode",
    "Modes",
    "NormalPosterior",
    "Objective",
    "Params",
    "Penalty",
    "PenaltyTerm",
    "Point",
    "PosteriorNodes",
    "PosteriorNormal",
    "ProbePlan",
    "Problem",
    "ProfileMode",
    "ProfiledGaussian",
    "Quantity",
    "Shard",
    "Sizes",
    "Solver",
    "SpreadOf",
    "State",
    "ThroughLink",
    "UnsolvedError",
    "arrange",
    "assemble",
    "bind",
    "bind_part",
    "constant_within",
    "effect_information",
    "effect_posterior",
    "evaluate",
    "expansion",
    "expected_cross_products",
    "find_mode",
    "fixed_information",
    "fixed_score",
    "information",
    "is_nested",
    "jacobian",
    "level_totals",
    "linear_model",
    "maximum_of",
    "n_pairs",
    "observed_cross_products",
    "observed_information",
    "posterior",
    "prior_hessian",
    "score_sums",
    "settled",
    "sharpened",
    "solver_of",
    "tangent",
    "theta_information",
    "third_slopes",
]
