# Posterior modes: glmmTMB's objective less log priors on its own parameters, of simulated data.
# usage, from this folder: Rscript priors.R
suppressMessages({library(glmmTMB); library(numDeriv); library(jsonlite)})
d <- read.csv("simulated_counts.csv", stringsAsFactors = TRUE)
d$any <- as.integer(d$count > 0)
d$rare <- as.integer(d$any == 1 & seq_len(nrow(d)) %% 20 == 0)
z <- read.csv("simulated_boundary.csv", stringsAsFactors = TRUE)
control <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000))

mode_of <- function(model, log_prior) {
  obj <- model$obj; names <- names(obj$par)
  cut <- function(p) split(p, factor(names, levels = unique(names)))
  fn <- function(p) obj$fn(p) - log_prior(cut(p))
  gr <- function(p) as.numeric(obj$gr(p)) - grad(function(q) log_prior(cut(q)), p)
  start <- ifelse(abs(model$fit$par) > 5, 0, model$fit$par)
  p <- nlminb(start, fn, gr, control = list(rel.tol = 1e-14, iter.max = 500, eval.max = 2000))$par
  for (k in 1:5) p <- p - solve(jacobian(gr, p), gr(p))
  errors <- sqrt(diag(solve(jacobian(gr, p))))
  found <- cut(p)
  list(log_likelihood = -as.numeric(obj$fn(p)), log_prior = log_prior(found), estimate = found,
       std_error = cut(errors), max_gradient = max(abs(gr(p))))
}
normal <- function(x, sd) sum(dnorm(x, 0, sd, log = TRUE))
rho <- function(t) t / sqrt(1 + t^2)
lkj <- function(r, eta) (eta - 1) * log(1 - r^2) + lgamma(eta + 0.5) - lgamma(eta) - 0.5 * log(pi)
half <- function(sd, scale) log(2) + dnorm(sd, 0, scale, log = TRUE)

answers <- list(
  slopes = mode_of(
    glmmTMB(count ~ x + (1 + x | group), d, family = poisson, control = control),
    function(p) normal(p$beta[2], 0.3) + lkj(rho(p$theta[3]), 3) +
      sum(dgamma(exp(p$theta[1:2]), 2, 0.5, log = TRUE))),
  separated = mode_of(
    suppressWarnings(glmmTMB(any ~ x + rare + (1 | group), d, family = binomial, control = control)),
    function(p) normal(p$beta[2:3], 2.5) + dgamma(exp(p$theta), 2, 0.1, log = TRUE)),
  parts = mode_of(
    glmmTMB(zeros ~ x + (1 | g), z, ziformula = ~ x + (1 | g), dispformula = ~ x,
            family = beta_family(), control = control),
    function(p) dt(p$beta[2], 4, log = TRUE) + dcauchy(p$betazi[2], 0, 2, log = TRUE) +
      normal(p$betad[2], 0.5) + half(exp(p$theta), 0.5) + dexp(exp(p$thetazi), 1, log = TRUE))
)
writeLines(toJSON(list(versions = list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB"))),
                       cases = answers), digits = NA, auto_unbox = TRUE, pretty = TRUE), "priors.json")
