# Writes dispersed_counts.json and simulated_dispersed.csv: counts that vary less than Poisson ones, and more, with and
# without extra zeros, by the generalized Poisson and the Conway-Maxwell-Poisson distributions of glmmTMB.
# usage, from this folder: Rscript dispersed_counts.R      (Debian: r-cran-glmmtmb r-cran-jsonlite; some minutes)
suppressMessages({library(glmmTMB); library(jsonlite)})

set.seed(19)
n <- 120
data <- data.frame(group = sprintf("g%02d", rep(1:12, 10)), x = round(rnorm(n), 3))
mean <- exp(1.4 + 0.3 * data$x + rnorm(12, 0, 0.4)[factor(data$group)])
of_sum <- function(size, mean) rbinom(length(mean), size, mean / size)  # vary less than Poisson counts
data$few <- of_sum(ceiling(2 * mean), mean)
data$many <- rnbinom(n, mu = mean, size = 2)
data$zeros <- ifelse(runif(n) < 0.25, 0, data$many)
write.csv(data, "simulated_dispersed.csv", row.names = FALSE, quote = FALSE)

fit <- function(response, family, zero = "~ 0", dispersion = "~ 1") {
  m <- glmmTMB(as.formula(paste(response, "~ x + (1 | group)")), data, family = get(family)("log"),
               ziformula = as.formula(zero), dispformula = as.formula(dispersion))
  objective <- m$obj
  par <- m$fit$par
  for (i in 1:3) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  errors <- sqrt(diag(TMB::sdreport(objective, par)$cov.fixed))
  of <- function(name) list(estimate = unname(par[names(par) == name]), std_error = unname(errors[names(par) == name]))
  list(response = response, family = family, zero_formula = zero, dispersion_formula = dispersion,
       log_likelihood = -objective$fn(par), mean = of("beta"), dispersion = of("betad"), zero = of("betazi"),
       sd = exp(unname(par[names(par) == "theta"])), max_gradient = max(abs(objective$gr(par))))
}

fits <- list(
  fit("few", "genpois"), fit("many", "genpois"), fit("many", "genpois", dispersion = "~ x"),
  fit("zeros", "genpois", zero = "~ 1"), fit("zeros", "truncated_genpois", zero = "~ x"),
  fit("few", "compois"), fit("many", "compois")
)
versions <- list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")), TMB = as.character(packageVersion("TMB")))
write(toJSON(list(versions = versions, fits = fits), auto_unbox = TRUE, digits = 15, pretty = TRUE), "dispersed_counts.json")
