# Fits a mixed model with glmmTMB, standard errors included.
# usage: Rscript glmmTMB.R ASKED.json MEASURE.R
suppressMessages(library(glmmTMB))
source(commandArgs(TRUE)[2])
family <- eval(parse(text = asked$family))
fit <- function() glmmTMB(formula, data, family, ziformula = as.formula(asked$zero), REML = asked$reml)
described <- function(model) list(log_likelihood = -model$fit$objective,  # also of singular fits
                                  evaluations = model$fit$evaluations[["function"]],
                                  message = model$fit$message)
measured(fit, described)
