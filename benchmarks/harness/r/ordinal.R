# Fits a cumulative link mixed model with ordinal, standard errors included.
# usage: Rscript ordinal.R ASKED.json MEASURE.R
suppressMessages(library(ordinal))
source(commandArgs(TRUE)[2])
data$y <- factor(data$y, ordered = TRUE)
fit <- function() {
  model <- clmm(formula, data)
  errors <- sqrt(diag(vcov(model)))
  model
}
described <- function(model) list(log_likelihood = as.numeric(logLik(model)),
                                  evaluations = model$optRes$neval, message = model$message)
measured(fit, described)
