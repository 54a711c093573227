# Standard errors of conditional modes: ranef(condVar = TRUE) of glmmTMB, which (unlike lme4's)
# contain the uncertainty of the estimates.
# usage, in this folder: Rscript mode_errors.R ../../skglmm/datasets/data/petrol.csv mode_errors.json
suppressMessages({library(glmmTMB); library(jsonlite)})
args <- commandArgs(TRUE)
petrol <- read.csv(args[1], stringsAsFactors = TRUE)
petrol$yield <- petrol$Y / 100; petrol$EPc <- petrol$EP / 100
crossed <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
errors <- function(formula, data) {
  m <- do.call(glmmTMB, list(formula, data = data, family = beta_family()))
  lapply(ranef(m, condVar = TRUE)$cond, function(block) {
    v <- attr(block, "condVar")
    list(levels = rownames(block), std_error = sqrt(apply(v, 3, diag)))
  })
}
writeLines(toJSON(list(
  glmmTMB = as.character(packageVersion("glmmTMB")), R = R.version.string,
  `petrol-random-intercept` = errors(yield ~ EPc + (1 | batch), petrol),
  `crossed-slopes` = errors(y ~ x + (x | subject) + (x | item), crossed)),
  digits = NA, auto_unbox = TRUE), args[2])
