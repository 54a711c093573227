# Writes restricted.json: restricted likelihoods of responses made of simulated_crossed.csv, by lme4, glmmTMB and lm.
# usage, from this folder: Rscript restricted.R      (Debian: r-cran-lme4 r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(lme4); library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data <- transform(data, logit = qlogis(y), count = floor(20 * y), twice = 2 * x + 1, far = 1e3 * x + 1e5)

record <- function(name, log_likelihood, mean, std_error, sds)
  list(name = name, log_likelihood = as.numeric(log_likelihood), mean = unname(mean), std_error = unname(std_error), sds = I(unname(sds)))

lme <- function(name, formula) {
  strict <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
  m <- suppressWarnings(suppressMessages(lmer(formula, data, control = strict)))
  found <- as.data.frame(VarCorr(m))
  record(name, logLik(m), fixef(m), sqrt(diag(as.matrix(vcov(m)))), found$sdcor[is.na(found$var2) & found$grp != "Residual"])
}

tmb <- function(name, formula, family, dispersion = ~1) {
  m <- glmmTMB(formula, data, family = family, dispformula = dispersion, REML = TRUE)
  objective <- m$obj
  par <- m$fit$par
  # Newton steps from its optimum
  for (i in 1:5) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  value <- objective$fn(par)
  whole <- objective$env$last.par
  # the covariance given the variances, of a normal response: the block of beta in the inverse of the joint Hessian;
  # of others that of beta in the inverse of the joint precision
  precision <- if (family$family == "gaussian") objective$env$spHess(whole, random = TRUE) else
    TMB::sdreport(objective, par.fixed = par, getJointPrecision = TRUE)$jointPrecision
  place <- if (family$family == "gaussian") names(whole)[objective$env$random] == "beta" else rownames(precision) == "beta"
  std_error <- sqrt(diag(solve(as.matrix(precision)))[place])
  record(name, -value, whole[names(whole) == "beta"], unname(std_error), exp(par[names(par) == "theta"]))
}

plain <- lm(logit ~ x, data)
fits <- list(
  lme("crossed", logit ~ x + (x | subject) + (1 | item)),
  lme("aliased", logit ~ x + twice + (1 | subject)),
  lme("units", logit ~ far + (1 | subject)),
  tmb("scale", logit ~ x + (1 | subject), gaussian(), ~x),
  tmb("counts", count ~ x + (1 | subject) + (1 | item), poisson()),
  record("no random effects", logLik(plain, REML = TRUE), coef(plain), sqrt(diag(vcov(plain))), numeric(0))
)
versions <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")), glmmTMB = as.character(packageVersion("glmmTMB")))
writeLines(toJSON(list(versions = versions, fits = fits), digits = 12, auto_unbox = TRUE, pretty = TRUE), "restricted.json")
