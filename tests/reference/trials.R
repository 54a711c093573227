# Writes trials.json and simulated_trials.csv: successes in known numbers of trials, overdispersed and with extra
# zeros, by glmmTMB, and by lme4 with quadrature.
# usage, from this folder: Rscript trials.R      (Debian: r-cran-glmmtmb r-cran-lme4 r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(lme4); library(jsonlite)})

set.seed(31)
n <- 240
data <- data.frame(group = sprintf("g%02d", rep(1:24, 10)), x = round(rnorm(n), 3), z = round(rnorm(n), 3),
                   trials = sample(1:25, n, replace = TRUE))
g <- factor(data$group)
mean <- plogis(-0.7 + 0.6 * data$x + rnorm(24, 0, 0.7)[g] + rnorm(24, 0, 0.3)[g] * data$x)
phi <- exp(1.6 + 0.5 * data$z)
data$binomial <- rbinom(n, data$trials, mean)
data$overdispersed <- rbinom(n, data$trials, rbeta(n, mean * phi, (1 - mean) * phi))
extra <- runif(n) < plogis(-1.2 + 0.6 * data$z)
data$zeros <- ifelse(extra, 0, data$binomial)
data$overdispersed_zeros <- ifelse(extra, 0, data$overdispersed)
write.csv(data, "simulated_trials.csv", row.names = FALSE, quote = FALSE)
data$group <- g

optimum <- function(m) {
  # Newton steps from its optimum
  objective <- m$obj
  par <- m$fit$par
  for (i in 1:5) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  errors <- sqrt(diag(TMB::sdreport(objective, par)$cov.fixed))
  of <- function(name) list(estimate = unname(par[names(par) == name]), std_error = unname(errors[names(par) == name]))
  list(log_likelihood = -objective$fn(par), of = of, max_gradient = max(abs(objective$gr(par))))
}

fit <- function(response, family, link, mean, precision = "~ 1", zero = "~ 0") {
  formula <- as.formula(sprintf("cbind(%s, trials - %s) %s", response, response, mean))
  found <- optimum(glmmTMB(formula, data, family = get(family)(link), dispformula = as.formula(precision),
                           ziformula = as.formula(zero)))
  list(response = response, family = family, link = link, mean_formula = mean, precision_formula = precision,
       zero_formula = zero, log_likelihood = found$log_likelihood, mean = found$of("beta"),
       precision = found$of("betad"), zero = found$of("betazi"), theta = found$of("theta")$estimate,
       max_gradient = found$max_gradient)
}

slopes <- "~ x + (x | group)"
intercepts <- "~ x + (1 | group)"
fits <- list(
  fit("binomial", "binomial", "logit", slopes), fit("binomial", "binomial", "probit", slopes),
  fit("binomial", "binomial", "cloglog", slopes), fit("zeros", "binomial", "logit", intercepts, zero = "~ z"),
  fit("overdispersed", "betabinomial", "logit", intercepts),
  fit("overdispersed", "betabinomial", "logit", intercepts, precision = "~ z"),
  fit("overdispersed", "betabinomial", "probit", intercepts),
  fit("overdispersed", "betabinomial", "cloglog", intercepts),
  fit("overdispersed_zeros", "betabinomial", "logit", intercepts, zero = "~ z")
)

# lme4's log likelihood of a fit with quadrature is that beside a saturated model.
saturated <- sum(dbinom(data$binomial, data$trials, data$binomial / data$trials, log = TRUE))
quadrature <- lapply(c(5, 25), function(points) {
  m <- glmer(cbind(binomial, trials - binomial) ~ x + (1 | group), data, binomial, nAGQ = points,
             control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE))
  list(points = points, log_likelihood = c(logLik(m)) + saturated, estimate = unname(fixef(m)), sd = unname(getME(m, "theta")))
})

versions <- lapply(c(glmmTMB = "glmmTMB", lme4 = "lme4", TMB = "TMB"), function(p) as.character(packageVersion(p)))
write_json(list(versions = c(R = R.version.string, versions), fits = fits, quadrature = quadrature), "trials.json",
           digits = NA, auto_unbox = TRUE, pretty = TRUE)
