# Writes positive.json and simulated_positive.csv: positive responses by glmmTMB, gamma with four links, with a
# dispersion formula, beside zeros, and normal logarithms; inverse Gaussian ones without random effects by glm.
# usage, from this folder: Rscript positive.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

set.seed(43)
n <- 240
data <- data.frame(group = sprintf("g%02d", rep(1:24, 10)), x = round(runif(n), 3), z = round(rnorm(n), 3))
g <- factor(data$group)
draw <- function(mean, shape) signif(rgamma(n, shape, scale = mean / shape), 7)
log_mean <- 1 + 0.8 * data$x + rnorm(24, 0, 0.4)[g] + rnorm(24, 0, 0.8)[g] * data$x
data$amount <- draw(exp(log_mean), exp(1.3 - 0.4 * data$z))
data$duration <- draw(1 / (0.8 + 1.2 * data$x + rnorm(24, 0, 0.25)[g]), 5)
data$root <- draw((1.5 + data$x + rnorm(24, 0, 0.15)[g])^2, 5)
data$straight <- draw(3 + 2 * data$x + rnorm(24, 0, 0.5)[g], 5)
data$zeros <- ifelse(runif(n) < plogis(-1 + 0.6 * data$z + rnorm(24, 0, 0.8)[g]), 0, data$amount)
data$lognormal <- signif(exp(log_mean + exp(-0.7 + 0.3 * data$z) * rnorm(n)), 7)
data$passage <- local({  # inverse Gaussian
  mean <- exp(0.5 + 0.6 * data$x); half <- 0.5 * mean * 0.3 * rnorm(n)^2; root <- 1 + half + sqrt(half * (2 + half))
  signif(mean * ifelse(runif(n) * (1 + root) <= root, 1 / root, root), 7)
})
write.csv(data, "simulated_positive.csv", row.names = FALSE, quote = FALSE)
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

fit <- function(response, family, link, mean, dispersion = "~ 1", zero = "~ 0") {
  left <- if (family == "gaussian") sprintf("log(%s)", response) else response
  found <- optimum(glmmTMB(as.formula(paste(left, mean)), data, family = get(family)(link),
                           dispformula = as.formula(dispersion), ziformula = as.formula(zero)))
  jacobian <- if (family == "gaussian") sum(log(data[[response]])) else 0
  list(response = response, family = family, link = link, mean_formula = mean, dispersion_formula = dispersion,
       zero_formula = zero, log_likelihood = found$log_likelihood - jacobian, mean = found$of("beta"),
       dispersion = found$of("betad"), zero = found$of("betazi"), theta = found$of("theta")$estimate,
       max_gradient = found$max_gradient)
}

slopes <- "~ x + (x | group)"
intercepts <- "~ x + (1 | group)"
fits <- list(
  fit("amount", "Gamma", "log", slopes), fit("amount", "Gamma", "log", intercepts, dispersion = "~ z"),
  fit("duration", "Gamma", "inverse", intercepts), fit("straight", "Gamma", "identity", intercepts),
  fit("root", "Gamma", "sqrt", intercepts), fit("zeros", "ziGamma", "log", intercepts, zero = "~ z"),
  fit("zeros", "ziGamma", "log", intercepts, zero = "~ z + (1 | group)"),
  fit("lognormal", "gaussian", "identity", slopes), fit("lognormal", "gaussian", "identity", intercepts, dispersion = "~ z")
)

passage <- lapply(c("log", "identity", "inverse", "1/mu^2"), function(link) {
  control <- glm.control(epsilon = 1e-14, maxit = 100)
  m <- glm(passage ~ x, inverse.gaussian(link), data, mustart = rep(mean(data$passage), n), control = control)
  mu <- fitted(m); y <- data$passage; phi <- mean((y - mu)^2 / (mu^2 * y))
  list(link = link, estimate = unname(coef(m)), dispersion = phi,
       std_error = unname(sqrt(diag(summary(m, dispersion = phi)$cov.scaled))),  # by the expected information
       log_likelihood = sum(-0.5 * log(2 * pi * phi * y^3) - (y - mu)^2 / (2 * phi * mu^2 * y)))
})

versions <- lapply(c(glmmTMB = "glmmTMB", TMB = "TMB"), function(p) as.character(packageVersion(p)))
write_json(list(versions = c(R = R.version.string, versions), fits = fits, passage = passage), "positive.json",
           digits = NA, auto_unbox = TRUE, pretty = TRUE)
