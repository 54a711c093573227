# Fits a mixed model with lme4, standard errors included.
# usage: Rscript lme4.R ASKED.json MEASURE.R
suppressMessages(library(lme4))
source(commandArgs(TRUE)[2])
family <- eval(parse(text = asked$family))
fit <- function() {
  model <- if (family$family == "gaussian") lmer(formula, data) else glmer(formula, data, family)
  errors <- sqrt(diag(as.matrix(vcov(model))))
  model
}
described <- function(model) list(log_likelihood = as.numeric(logLik(model)),
                                  evaluations = model@optinfo$feval,
                                  message = paste(model@optinfo$conv$lme4$messages, collapse = "; "))
measured(fit, described)
