# Tweedie and Student t mixed models by glmmTMB, of simulated_amounts.csv; writes tweedie_student.json.
# Rscript tweedie_student.R, in this folder
suppressMessages({library(glmmTMB); library(jsonlite)})
d <- read.csv("simulated_amounts.csv"); d$g <- factor(d$g)
answer <- function(name, m, shape) {
  list(name = name, log_likelihood = as.numeric(logLik(m)), fixed = unname(fixef(m)$cond),
       std_error = unname(sqrt(diag(vcov(m)$cond))), dispersion = unname(fixef(m)$disp),
       sd = unname(attr(VarCorr(m)$cond$g, "stddev")), shape = shape(m), convergence = m$fit$convergence)
}
power <- function(m) unname(family_params(m)); df <- power
cases <- list(
  answer("tweedie", glmmTMB(y ~ x + (1 | g), d, tweedie()), power),
  answer("tweedie, dispersion", glmmTMB(y ~ x + (1 | g), d, tweedie(), dispformula = ~ x), power),
  answer("student", glmmTMB(z ~ x + (1 | g), d, t_family()), df),
  answer("student, scale", glmmTMB(z ~ x + (1 | g), d, t_family(), dispformula = ~ x), df))
write(toJSON(list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")), cases = cases),
             digits = 12, auto_unbox = TRUE, pretty = TRUE), "tweedie_student.json")
