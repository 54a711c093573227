# Writes structures.json: times, places and latent variables of simulated_structures.csv, by glmmTMB.
# usage, from this folder: Rscript structures.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_structures.csv")
data$time <- factor(data$t)
data$number <- numFactor(data$t)
data$pos <- numFactor(data$lon, data$lat)
tight <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000, rel.tol = 1e-14))

# `formula` is that of skglmm; natural parameters are standard deviations, and what `back` makes of the rest
case <- function(formula, model, family = gaussian(), REML = FALSE, back = exp) {
  m <- glmmTMB(model, data, family = family, REML = REML, se = FALSE, control = tight)
  message(formula, ": ", m$fit$message, ", gradient ", signif(max(abs(m$obj$gr(m$fit$par))), 2))
  block <- VarCorr(m)$cond[[1]]
  theta <- unname(m$fit$par[names(m$fit$par) == "theta"])
  sds <- unname(attr(block, "stddev"))
  list(formula = formula, response = all.vars(model)[1], family = family$family, reml = REML,
       log_likelihood = -m$obj$fn(m$fit$par), sds = sds[1:min(6, length(sds))],
       correlations = unname(attr(block, "correlation"))[1, 1:min(6, length(sds))],
       numbers = back(theta))
}

of_ar1 <- function(theta) c(exp(theta[1]), theta[2] / sqrt(1 + theta[2]^2))
of_ou <- function(theta) c(exp(theta[1]), exp(-exp(theta[2])))
none <- function(theta) numeric(0)
cases <- list(
  case("x + ar1(0 + t | g)", level ~ x + ar1(0 + time | g), back = of_ar1),
  case("x + ar1(0 + t | g)", level ~ x + ar1(0 + time | g), REML = TRUE, back = of_ar1),
  case("x + ar1(0 + t | g)", count ~ x + ar1(0 + time | g), poisson(), back = of_ar1),
  case("x + ou(0 + t | g)", level ~ x + ou(0 + number | g), back = of_ou),
  case("x + cs(0 + C(t) | g)", count ~ x + cs(0 + time | g), poisson(), back = none),
  case("x + exp(0 + lon + lat | 1)", field ~ x + exp(0 + pos | place)),
  case("x + mat(0 + lon + lat | 1)", field ~ x + mat(0 + pos | place)),
  case("x + exp(0 + lon + lat | 1)", site_count ~ x + exp(0 + pos | place), poisson()),
  case("0 + C(t) + rr(0 + C(t) | g, 1)", latent ~ 0 + time + rr(0 + time | g, d = 1), back = none))
write_json(list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")), cases = cases),
           "structures.json", auto_unbox = TRUE, digits = 12, pretty = TRUE)
