# Writes structure_profiles.json: 95 % limits of natural parameters of times and places, by glmmTMB.
# `profile` is where TMB's tmbroot finds the ends; `wald` is by the standard error of the parameter on
# the scale that skglmm uses: logarithms, and Fisher's z of correlations.
# usage, from this folder: Rscript structure_profiles.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_structures.csv")
data$time <- factor(data$t)
data$pos <- numFactor(data$lon, data$lat)
tight <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000, rel.tol = 1e-14))

# From glmmTMB's theta to a natural parameter, and from that to the scale of Wald limits and back.
sd_of <- list(natural = exp, working = log, back = exp)
range_of <- sd_of
rho_of <- list(natural = function(x) x / sqrt(1 + x^2), working = atanh, back = tanh)
cs_of <- function(n) {  # from -1 / (n - 1) to 1
  a <- 1 / (n - 1)
  half <- (1 + a) / 2
  list(natural = function(x) plogis(x) * (1 + a) - a,
       working = function(rho) atanh((rho + a) / half - 1),
       back = function(z) -a + half * (1 + tanh(z)))
}

limits <- function(m, place, scale) {
  at <- which(names(m$fit$par) == "theta")[place]
  value <- m$fit$par[at]
  found <- TMB::tmbroot(m$obj, at, target = qchisq(0.95, 1) / 2, trace = FALSE)
  h <- 1e-6
  to_working <- function(x) scale$working(scale$natural(x))
  slope <- (to_working(value + h) - to_working(value - h)) / (2 * h)
  error <- sqrt(diag(vcov(m, full = TRUE)))[at] * slope
  z <- qnorm(0.975)
  list(estimate = scale$natural(value), profile = unname(scale$natural(found)),
       wald = unname(scale$back(to_working(value) + c(-z, z) * error)))
}

case <- function(formula, model, family, scales) {
  m <- glmmTMB(model, data, family = family, control = tight)
  message(formula, ": ", m$fit$message, ", gradient ", signif(max(abs(m$obj$gr(m$fit$par))), 2))
  list(formula = formula, response = all.vars(model)[1], family = family$family,
       log_likelihood = -m$obj$fn(m$fit$par),
       parameters = lapply(seq_along(scales), function(i) limits(m, i, scales[[i]])))
}

cases <- list(
  case("x + ar1(0 + t | g)", level ~ x + ar1(0 + time | g), gaussian(), list(sd_of, rho_of)),
  case("x + ar1(0 + t | g)", count ~ x + ar1(0 + time | g), poisson(), list(sd_of, rho_of)),
  case("x + exp(0 + lon + lat | 1)", field ~ x + exp(0 + pos | place), gaussian(), list(sd_of, range_of)),
  case("x + cs(0 + C(t) | g)", count ~ x + cs(0 + time | g), poisson(), c(rep(list(sd_of), 6), list(cs_of(6)))))
write_json(list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")), cases = cases),
           "structure_profiles.json", auto_unbox = TRUE, digits = 12, pretty = TRUE)
