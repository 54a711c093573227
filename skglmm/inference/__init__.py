"""Statistics and predictions: pure functions of a fit."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.inference.degrees_of_freedom.choose import DF_METHODS, reference
    from skglmm.inference.degrees_of_freedom.reference import Normal, Reference
    from skglmm.inference.density.density import joint_log_density, log_density
    from skglmm.inference.diagnosis.diagnose import diagnose
    from skglmm.inference.diagnosis.groups import constant_levels
    from skglmm.inference.diagnosis.heaps import Heap, heaps
    from skglmm.inference.diagnosis.influence import Influence, influences, natural_without
    from skglmm.inference.diagnosis.moved_responses import HEAP_ADVICE, moved_responses
    from skglmm.inference.diagnosis.nesting import likeness
    from skglmm.inference.distribution.quantile import (
        predict_quantile,
        predictive_cdf,
        response_interval,
    )
    from skglmm.inference.distribution.row_averages import average_interval, average_quantiles
    from skglmm.inference.hypotheses.anova import Anova, TermTest, anova
    from skglmm.inference.hypotheses.conditional_aic import Conditional, conditional_aic
    from skglmm.inference.hypotheses.dropped import Dropped, DroppedTerms
    from skglmm.inference.hypotheses.integrals import REFIT, other_integrals
    from skglmm.inference.hypotheses.likelihood_ratio import LikelihoodRatio, likelihood_ratio
    from skglmm.inference.hypotheses.nested import Addition, Comparison, asserted
    from skglmm.inference.hypotheses.ratio_bootstrap import (
        NestedModels,
        simulated_ratio,
        with_replicates,
    )
    from skglmm.inference.hypotheses.term_contrasts import TYPES
    from skglmm.inference.hypotheses.wald_test import WaldTest, fixed_names, wald_test
    from skglmm.inference.means.averages_of_rows import (
        RowFunctions,
        has_location_mean,
        mean_of_rows,
        of_one_trial,
        parts_of_rows,
        sums_over_rows,
    )
    from skglmm.inference.means.contrasts import MeanContrasts
    from skglmm.inference.means.functions import EstimatedFunctions, linear_sums
    from skglmm.inference.means.marginal_means import MarginalMeans, free
    from skglmm.inference.means.working_scale import WorkingScale, of_linear, of_means
    from skglmm.inference.parameters.assumed import assume, blank_fit
    from skglmm.inference.parameters.bends import bends, covariance_with_bends, with_bends
    from skglmm.inference.parameters.curve_values import CurveValues, curve_values
    from skglmm.inference.parameters.estimates import Estimates
    from skglmm.inference.parameters.group_coefficients import group_coefficients
    from skglmm.inference.parameters.held import held_sentences
    from skglmm.inference.parameters.modes import RandomEffects, random_effects
    from skglmm.inference.parameters.natural import constant, derived, natural, std_errors
    from skglmm.inference.parameters.smooth_tests import SmoothTest, smooth_tests
    from skglmm.inference.parameters.wald import (
        Coefficients,
        Component,
        Covariances,
        Intervals,
        coefficient_tables,
        half_width,
        intervals,
        variance_components,
        vcov,
    )
    from skglmm.inference.prediction.condition import Update, condition, update
    from skglmm.inference.prediction.estimable import (
        has_null_space,
        missed_directions,
        nonestimable,
    )
    from skglmm.inference.prediction.frequencies import exceedances
    from skglmm.inference.prediction.intervals import (
        Interval,
        LinearPrediction,
        linear_value,
        mean_interval,
        predict_linear,
    )
    from skglmm.inference.prediction.part_intervals import PartIntervals, part_intervals
    from skglmm.inference.prediction.predict import (
        Plan,
        Prediction,
        linear_predictors,
        part_probabilities,
        predict,
    )
    from skglmm.inference.prediction.r2 import R2_METHODS, RSquared, Shares, r_squared
    from skglmm.inference.prediction.sample import sample
    from skglmm.inference.report.findings import Diagnosis, Finding
    from skglmm.inference.report.framed import FrameTable, ModelTable, of_frame
    from skglmm.inference.report.frames import (
        component_frame,
        covariance_frame,
        curve_frame,
        estimate_frame,
        interval_frame,
        overview_frame,
        random_effects_frame,
        smooth_frame,
    )
    from skglmm.inference.report.hardly_known import far_limits, scarce_df
    from skglmm.inference.report.notes import Note, confounded_with_rows, notes
    from skglmm.inference.report.overview import Overview, overview
    from skglmm.inference.report.printed import Printed
    from skglmm.inference.report.separation import (
        at_infinity,
        prior_findings,
        separated_findings,
        undetermined,
    )
    from skglmm.inference.report.text import Page, Table
    from skglmm.inference.residuals.checks import ResidualChecks, residual_checks
    from skglmm.inference.residuals.distribution_tests import ResidualTest
    from skglmm.inference.residuals.drawn import Drawn, drawn
    from skglmm.inference.residuals.explained_deviance import explained_deviance
    from skglmm.inference.residuals.residuals import (
        deviance_residuals,
        pearson_residuals,
        quantile_residuals,
        response_residuals,
    )
    from skglmm.inference.residuals.simulated import simulated_residuals
    from skglmm.inference.summaries.equation import Equation, equation
    from skglmm.inference.summaries.many_fits import FitNumbers, ManyFits, fit_numbers, no_numbers
    from skglmm.inference.summaries.summary import Summary, summarize
    from skglmm.inference.summaries.tidy import EFFECTS, tidy, without_ratios
    from skglmm.inference.uncertainty.bootstrap import Bootstrap, bootstrap_once
    from skglmm.inference.uncertainty.profile import Profile, profile_intervals, profiles
    from skglmm.inference.uncertainty.sandwich import (
        cluster_scores,
        independent_clusters,
        sandwich,
        shared_levels,
    )
    from skglmm.inference.uncertainty.simulate import simulate_responses, unweighted
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.inference.degrees_of_freedom.choose": "DF_METHODS reference",
            "skglmm.inference.degrees_of_freedom.reference": "Normal Reference",
            "skglmm.inference.density.density": "joint_log_density log_density",
            "skglmm.inference.diagnosis.diagnose": "diagnose",
            "skglmm.inference.diagnosis.groups": "constant_levels",
            "skglmm.inference.diagnosis.heaps": "Heap heaps",
            "skglmm.inference.diagnosis.influence": "Influence influences natural_without",
            "skglmm.inference.diagnosis.moved_responses": "HEAP_ADVICE moved_responses",
            "skglmm.inference.diagnosis.nesting": "likeness",
            "skglmm.inference.distribution.quantile": (
                "predict_quantile predictive_cdf response_interval"
            ),
            "skglmm.inference.distribution.row_averages": "average_interval average_quantiles",
            "skglmm.inference.hypotheses.anova": "Anova TermTest anova",
            "skglmm.inference.hypotheses.conditional_aic": "Conditional conditional_aic",
            "skglmm.inference.hypotheses.dropped": "Dropped DroppedTerms",
            "skglmm.inference.hypotheses.integrals": "REFIT other_integrals",
            "skglmm.inference.hypotheses.likelihood_ratio": "LikelihoodRatio likelihood_ratio",
            "skglmm.inference.hypotheses.nested": "Addition Comparison asserted",
            "skglmm.inference.hypotheses.ratio_bootstrap": (
                "NestedModels simulated_ratio with_replicates"
            ),
            "skglmm.inference.hypotheses.term_contrasts": "TYPES",
            "skglmm.inference.hypotheses.wald_test": "WaldTest fixed_names wald_test",
            "skglmm.inference.means.averages_of_rows": (
                "RowFunctions has_location_mean mean_of_rows of_one_trial parts_of_rows "
                "sums_over_rows"
            ),
            "skglmm.inference.means.contrasts": "MeanContrasts",
            "skglmm.inference.means.functions": "EstimatedFunctions linear_sums",
            "skglmm.inference.means.marginal_means": "MarginalMeans free",
            "skglmm.inference.means.working_scale": "WorkingScale of_linear of_means",
            "skglmm.inference.parameters.assumed": "assume blank_fit",
            "skglmm.inference.parameters.bends": "bends covariance_with_bends with_bends",
            "skglmm.inference.parameters.curve_values": "CurveValues curve_values",
            "skglmm.inference.parameters.estimates": "Estimates",
            "skglmm.inference.parameters.group_coefficients": "group_coefficients",
            "skglmm.inference.parameters.held": "held_sentences",
            "skglmm.inference.parameters.modes": "RandomEffects random_effects",
            "skglmm.inference.parameters.natural": "constant derived natural std_errors",
            "skglmm.inference.parameters.smooth_tests": "SmoothTest smooth_tests",
            "skglmm.inference.parameters.wald": (
                "Coefficients Component Covariances Intervals coefficient_tables half_width "
                "intervals variance_components vcov"
            ),
            "skglmm.inference.prediction.condition": "Update condition update",
            "skglmm.inference.prediction.estimable": (
                "has_null_space missed_directions nonestimable"
            ),
            "skglmm.inference.prediction.frequencies": "exceedances",
            "skglmm.inference.prediction.intervals": (
                "Interval LinearPrediction linear_value mean_interval predict_linear"
            ),
            "skglmm.inference.prediction.part_intervals": "PartIntervals part_intervals",
            "skglmm.inference.prediction.predict": (
                "Plan Prediction linear_predictors part_probabilities predict"
            ),
            "skglmm.inference.prediction.r2": "R2_METHODS RSquared Shares r_squared",
            "skglmm.inference.prediction.sample": "sample",
            "skglmm.inference.report.findings": "Diagnosis Finding",
            "skglmm.inference.report.framed": "FrameTable ModelTable of_frame",
            "skglmm.inference.report.frames": (
                "component_frame covariance_frame curve_frame estimate_frame interval_frame "
                "overview_frame random_effects_frame smooth_frame"
            ),
            "skglmm.inference.report.hardly_known": "far_limits scarce_df",
            "skglmm.inference.report.notes": "Note confounded_with_rows notes",
            "skglmm.inference.report.overview": "Overview overview",
            "skglmm.inference.report.printed": "Printed",
            "skglmm.inference.report.separation": (
                "at_infinity prior_findings separated_findings undetermined"
            ),
            "skglmm.inference.report.text": "Page Table",
            "skglmm.inference.residuals.checks": "ResidualChecks residual_checks",
            "skglmm.inference.residuals.distribution_tests": "ResidualTest",
            "skglmm.inference.residuals.drawn": "Drawn drawn",
            "skglmm.inference.residuals.explained_deviance": "explained_deviance",
            "skglmm.inference.residuals.residuals": (
                "deviance_residuals pearson_residuals quantile_residuals response_residuals"
            ),
            "skglmm.inference.residuals.simulated": "simulated_residuals",
            "skglmm.inference.summaries.equation": "Equation equation",
            "skglmm.inference.summaries.many_fits": "FitNumbers ManyFits fit_numbers no_numbers",
            "skglmm.inference.summaries.summary": "Summary summarize",
            "skglmm.inference.summaries.tidy": "EFFECTS tidy without_ratios",
            "skglmm.inference.uncertainty.bootstrap": "Bootstrap bootstrap_once",
            "skglmm.inference.uncertainty.profile": "Profile profile_intervals profiles",
            "skglmm.inference.uncertainty.sandwich": (
                "cluster_scores independent_clusters sandwich shared_levels"
            ),
            "skglmm.inference.uncertainty.simulate": "simulate_responses unweighted",
        },
    )

__all__ = [
    "DF_METHODS",
    "EFFECTS",
    "HEAP_ADVICE",
    "R2_METHODS",
    "REFIT",
    "TYPES",
    "Addition",
    "Anova",
    "Bootstrap",
    "Coefficients",
    "Comparison",
    "Component",
    "Conditional",
    "Covariances",
    "CurveValues",
    "Diagnosis",
    "Drawn",
    "Dropped",
    "DroppedTerms",
    "Equation",
    "EstimatedFunctions",
    "Estimates",
    "Finding",
    "FitNumbers",
    "FrameTable",
    "Heap",
    "Influence",
    "Interval",
    "Intervals",
    "LikelihoodRatio",
    "LinearPrediction",
    "ManyFits",
    "MarginalMeans",
    "MeanContrasts",
    "ModelTable",
    "NestedModels",
    "Normal",
    "Note",
    "Overview",
    "Page",
    "PartIntervals",
    "Plan",
    "Prediction",
    "Printed",
    "Profile",
    "RSquared",
    "RandomEffects",
    "Reference",
    "ResidualChecks",
    "ResidualTest",
    "RowFunctions",
    "Shares",
    "SmoothTest",
    "Summary",
    "Table",
    "TermTest",
    "Update",
    "WaldTest",
    "WorkingScale",
    "anova",
    "asserted",
    "assume",
    "at_infinity",
    "average_interval",
    "average_quantiles",
    "bends",
    "blank_fit",
    "bootstrap_once",
    "cluster_scores",
    "coefficient_tables",
    "component_frame",
    "condition",
    "conditional_aic",
    "confounded_with_rows",
    "constant",
    "constant_levels",
    "covariance_frame",
    "covariance_with_bends",
    "curve_frame",
    "curve_values",
    "derived",
    "deviance_residuals",
    "diagnose",
    "drawn",
    "equation",
    "estimate_frame",
    "exceedances",
    "explained_deviance",
    "far_limits",
    "fit_numbers",
    "fixed_names",
    "free",
    "group_coefficients",
    "half_width",
    "has_location_mean",
    "has_null_space",
    "heaps",
    "held_sentences",
    "independent_clusters",
    "influences",
    "interval_frame",
    "intervals",
    "joint_log_density",
    "likelihood_ratio",
    "likeness",
    "linear_predictors",
    "linear_sums",
    "linear_value",
    "log_density",
    "mean_interval",
    "mean_of_rows",
    "missed_directions",
    "moved_responses",
    "natural",
    "natural_without",
    "no_numbers",
    "nonestimable",
    "notes",
    "of_frame",
    "of_linear",
    "of_means",
    "of_one_trial",
    "other_integrals",
    "overview",
    "overview_frame",
    "part_intervals",
    "part_probabilities",
    "parts_of_rows",
    "pearson_residuals",
    "predict",
    "predict_linear",
    "predict_quantile",
    "predictive_cdf",
    "prior_findings",
    "profile_intervals",
    "profiles",
    "quantile_residuals",
    "r_squared",
    "random_effects",
    "random_effects_frame",
    "reference",
    "residual_checks",
    "response_interval",
    "response_residuals",
    "sample",
    "sandwich",
    "scarce_df",
    "separated_findings",
    "shared_levels",
    "simulate_responses",
    "simulated_ratio",
    "simulated_residuals",
    "smooth_frame",
    "smooth_tests",
    "std_errors",
    "summarize",
    "sums_over_rows",
    "tidy",
    "undetermined",
    "unweighted",
    "update",
    "variance_components",
    "vcov",
    "wald_test",
    "with_bends",
    "with_replicates",
    "without_ratios",
]
