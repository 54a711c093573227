# Standard errors of what glmmTMB says about zeros and ones: of the probabilities of zero of
# zero-inflated betas, and of the cut points of an ordered beta. Rscript boundary_uncertainty.R
suppressMessages({library(glmmTMB); library(jsonlite)})
d <- read.csv("simulated_boundary.csv", stringsAsFactors = TRUE)
places <- c(1, 40, 300, 500)

zeros <- function(zero) {
  model <- glmmTMB(zeros ~ x + (1 | g), d, ziformula = zero, family = beta_family())
  found <- predict(model, d[places, ], type = "zprob", se.fit = TRUE)
  list(convergence = model$fit$convergence, places = places - 1,
       probability = as.numeric(found$fit), std_error = as.numeric(found$se.fit))
}
cuts <- function() {
  model <- glmmTMB(both ~ x + (1 | g), d, family = ordbeta(), start = list(psi = c(-1, 1)))
  at <- grep("psi", names(model$fit$par))
  list(convergence = model$fit$convergence, estimate = unname(model$fit$par[at]),
       std_error = unname(sqrt(diag(model$sdr$cov.fixed))[at]))
}
answers <- list(glmmTMB = as.character(packageVersion("glmmTMB")), R = R.version.string,
  `zero-intercepts` = zeros(~ x + (1 | g)), `zero-slopes` = zeros(~ x + (1 + x | g)),
  `ordered-intercepts` = cuts())
writeLines(toJSON(answers, auto_unbox = TRUE, digits = NA, pretty = TRUE),
  "boundary_uncertainty.json")
