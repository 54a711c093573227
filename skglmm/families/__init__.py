"""Distributions of the response given its linear predictors, with their links."""

from typing import TYPE_CHECKING

from skglmm.faces import lazy_face

if TYPE_CHECKING:
    from skglmm.families.base import DensityFactor, Family, Interior, LogDensity
    from skglmm.families.bounded.beta import Beta
    from skglmm.families.bounded.extended_beta import ExtendedBeta
    from skglmm.families.bounded.fixed_extended_beta import FixedExtendedBeta
    from skglmm.families.bounded.one_inflated_beta import OneInflatedBeta
    from skglmm.families.bounded.ordered_beta import OrderedBeta
    from skglmm.families.bounded.zero_inflated_beta import ZeroInflatedBeta
    from skglmm.families.bounded.zero_one_inflated_beta import ZeroOneInflatedBeta
    from skglmm.families.calculus.chain_rule import through_links
    from skglmm.families.calculus.packing import Packing, packed, packed_rows
    from skglmm.families.classes.bernoulli import Bernoulli
    from skglmm.families.classes.cumulative import Cumulative
    from skglmm.families.classes.multinomial import Multinomial
    from skglmm.families.combined.hurdle import Hurdle
    from skglmm.families.combined.truncated import Truncated
    from skglmm.families.combined.zero_inflated import ZeroInflated
    from skglmm.families.counts.conway_maxwell_poisson import ConwayMaxwellPoisson
    from skglmm.families.counts.generalized_poisson import GeneralizedPoisson
    from skglmm.families.counts.negative_binomial import NegativeBinomial
    from skglmm.families.counts.poisson import Poisson
    from skglmm.families.defaults.whole_quantile import least_whole
    from skglmm.families.parameter import Parameter, Role
    from skglmm.families.positive.fixed_tweedie import FixedTweedie
    from skglmm.families.positive.gamma import Gamma
    from skglmm.families.positive.inverse_gaussian import InverseGaussian
    from skglmm.families.positive.lognormal import Lognormal
    from skglmm.families.positive.tweedie import Tweedie
    from skglmm.families.real.fixed_student import FixedStudentT
    from skglmm.families.real.gaussian import Gaussian
    from skglmm.families.real.student import StudentT
    from skglmm.families.trials.beta_binomial import BetaBinomial
    from skglmm.families.trials.binomial import Binomial
    from skglmm.links import (
        LINKS,
        Cauchit,
        CLogLog,
        EventCLogLog,
        EventLogLog,
        EventProbit,
        Identity,
        Jet,
        Link,
        Log,
        LogAmount,
        LogConsulDispersion,
        LogConwayDispersion,
        Logit,
        LogLog,
        LogMean,
        LogMedian,
        LogOdds,
        Positive,
        Probit,
        Reciprocal,
        ReciprocalSquared,
        ScaledLogit,
        ShortLogMean,
        Sqrt,
        Stretched,
    )
    from skglmm.response import Support
else:
    __getattr__, __dir__ = lazy_face(
        __name__,
        {
            "skglmm.families.base": "DensityFactor Family Interior LogDensity",
            "skglmm.families.bounded.beta": "Beta",
            "skglmm.families.bounded.extended_beta": "ExtendedBeta",
            "skglmm.families.bounded.fixed_extended_beta": "FixedExtendedBeta",
            "skglmm.families.bounded.one_inflated_beta": "OneInflatedBeta",
            "skglmm.families.bounded.ordered_beta": "OrderedBeta",
            "skglmm.families.bounded.zero_inflated_beta": "ZeroInflatedBeta",
            "skglmm.families.bounded.zero_one_inflated_beta": "ZeroOneInflatedBeta",
            "skglmm.families.calculus.chain_rule": "through_links",
            "skglmm.families.calculus.packing": "Packing packed packed_rows",
            "skglmm.families.classes.bernoulli": "Bernoulli",
            "skglmm.families.classes.cumulative": "Cumulative",
            "skglmm.families.classes.multinomial": "Multinomial",
            "skglmm.families.combined.hurdle": "Hurdle",
            "skglmm.families.combined.truncated": "Truncated",
            "skglmm.families.combined.zero_inflated": "ZeroInflated",
            "skglmm.families.counts.conway_maxwell_poisson": "ConwayMaxwellPoisson",
            "skglmm.families.counts.generalized_poisson": "GeneralizedPoisson",
            "skglmm.families.counts.negative_binomial": "NegativeBinomial",
            "skglmm.families.counts.poisson": "Poisson",
            "skglmm.families.defaults.whole_quantile": "least_whole",
            "skglmm.families.parameter": "Parameter Role",
            "skglmm.families.positive.fixed_tweedie": "FixedTweedie",
            "skglmm.families.positive.gamma": "Gamma",
            "skglmm.families.positive.inverse_gaussian": "InverseGaussian",
            "skglmm.families.positive.lognormal": "Lognormal",
            "skglmm.families.positive.tweedie": "Tweedie",
            "skglmm.families.real.fixed_student": "FixedStudentT",
            "skglmm.families.real.gaussian": "Gaussian",
            "skglmm.families.real.student": "StudentT",
            "skglmm.families.trials.beta_binomial": "BetaBinomial",
            "skglmm.families.trials.binomial": "Binomial",
            "skglmm.links": (
                "LINKS Cauchit CLogLog EventCLogLog EventLogLog EventProbit Identity Jet Link "
                "Log LogAmount LogConsulDispersion LogConwayDispersion Logit LogLog LogMean "
                "LogMedian LogOdds Positive Probit Reciprocal ReciprocalSquared ScaledLogit "
                "ShortLogMean Sqrt Stretched"
            ),
            "skglmm.response": "Support",
        },
    )

__all__ = [
    "LINKS",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "CLogLog",
    "Cauchit",
    "ConwayMaxwellPoisson",
    "Cumulative",
    "DensityFactor",
    "EventCLogLog",
    "EventLogLog",
    "EventProbit",
    "ExtendedBeta",
    "Family",
    "FixedExtendedBeta",
    "FixedStudentT",
    "FixedTweedie",
    "Gamma",
    "Gaussian",
    "GeneralizedPoisson",
    "Hurdle",
    "Identity",
    "Interior",
    "InverseGaussian",
    "Jet",
    "Link",
    "Log",
    "LogAmount",
    "LogConsulDispersion",
    "LogConwayDispersion",
    "LogDensity",
    "LogLog",
    "LogMean",
    "LogMedian",
    "LogOdds",
    "Logit",
    "Lognormal",
    "Multinomial",
    "NegativeBinomial",
    "OneInflatedBeta",
    "OrderedBeta",
    "Packing",
    "Parameter",
    "Poisson",
    "Positive",
    "Probit",
    "Reciprocal",
    "ReciprocalSquared",
    "Role",
    "ScaledLogit",
    "ShortLogMean",
    "Sqrt",
    "Stretched",
    "StudentT",
    "Support",
    "Truncated",
    "Tweedie",
    "ZeroInflated",
    "ZeroInflatedBeta",
    "ZeroOneInflatedBeta",
    "least_whole",
    "packed",
    "packed_rows",
    "through_links",
]
