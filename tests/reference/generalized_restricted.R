# Writes generalized_restricted.json: restricted likelihoods of generalized linear mixed models, by glmmTMB and mgcv.
# Responses are quantiles of evenly spread probabilities, so that tests make the same ones.
# usage, from this folder: Rscript generalized_restricted.R      (Debian: r-cran-glmmtmb r-cran-mgcv r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(mgcv); library(jsonlite)})

spread <- function(step, n) (step * seq_len(n)) %% 1
n_groups <- 20
n_rows <- 8
g <- rep(seq_len(n_groups), each = n_rows)
n <- length(g)
x <- sin(1.7 * seq_len(n))
eta <- 0.3 + 0.5 * x + 0.7 * qnorm(spread(0.61803398875, n_groups))[g] + 0.8 * qnorm(spread(0.23606797750, n_groups))[g] * x
p <- spread(0.44948974278, n)
z <- spread(0.31662479036, n)
data <- data.frame(x, g = factor(g), trials = 6)
data$poisson <- qpois(p, exp(eta))
data$zeros <- ifelse(z < 0.25, 0, data$poisson)
data$nbinom2 <- qnbinom(p, size = 3, mu = exp(1 + eta))
data$binomial <- qbinom(p, 6, plogis(eta))
data$beta <- qbeta(p, 8 * plogis(eta), 8 * plogis(-eta))
data$betabinomial <- qbinom(z, 6, data$beta)
data$gamma <- qgamma(p, 4, scale = exp(eta) / 4)
data$t <- eta + 0.5 * qt(p, 5)

strict <- glmmTMBControl(optCtrl = list(rel.tol = 1e-14, iter.max = 1000, eval.max = 1000))

tmb <- function(name, formula, family, ...) {
  m <- glmmTMB(formula, data, family = family, REML = TRUE, control = strict, ...)
  objective <- m$obj
  par <- m$fit$par
  # Newton steps from its optimum
  for (i in 1:5) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  value <- objective$fn(par)
  whole <- objective$env$last.par
  # its own standard errors: those of beta in the inverse of the joint precision
  precision <- TMB::sdreport(objective, par.fixed = par, getJointPrecision = TRUE)$jointPrecision
  variance <- diag(solve(as.matrix(precision)))
  m$fit$par <- par
  m$fit$parfull <- whole
  found <- VarCorr(m)$cond$g
  record <- list(name = name, log_likelihood = -value, mean = unname(whole[names(whole) == "beta"]), std_error = unname(sqrt(variance[rownames(precision) == "beta"])))
  c(record, list(sds = unname(attr(found, "stddev")), corr = attr(found, "correlation")[1, 2]))
}

smooth <- function(name, formula, family) {
  m <- gam(formula, family = family, data = data, method = "REML", control = gam.control(epsilon = 1e-10, newton = list(conv.tol = 1e-9)))
  list(name = name, log_likelihood = -as.numeric(m$gcv.ubre), mean = unname(coef(m)[1:2]), sd = unname(sqrt(m$sig2 / m$sp)))
}

fits <- list(
  tmb("poisson", poisson ~ x + (x | g), poisson()),
  tmb("zeros", zeros ~ x + (x | g), poisson(), ziformula = ~1),
  tmb("nbinom2", nbinom2 ~ x + (x | g), nbinom2()),
  tmb("binomial", cbind(binomial, trials - binomial) ~ x + (x | g), binomial()),
  tmb("beta", beta ~ x + (x | g), beta_family()),
  tmb("betabinomial", cbind(betabinomial, trials - betabinomial) ~ x + (x | g), betabinomial()),
  tmb("gamma", gamma ~ x + (x | g), Gamma("log")),
  tmb("t", t ~ x + (x | g), t_family())
)
smooths <- list(
  smooth("poisson", poisson ~ x + s(g, bs = "re"), poisson()),
  smooth("binomial", cbind(binomial, trials - binomial) ~ x + s(g, bs = "re"), binomial())
)
versions <- list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")), mgcv = as.character(packageVersion("mgcv")))
writeLines(toJSON(list(versions = versions, fits = fits, smooths = smooths), digits = 12, auto_unbox = TRUE, pretty = TRUE), "generalized_restricted.json")
