# Writes counts.json and simulated_dispersed_counts.csv: counts that vary more than Poisson ones, of both kinds of
# negative binomials, with extra zeros, hurdles, truncation and formulas of the dispersion, by glmmTMB.
# usage, from this folder: Rscript counts.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

set.seed(19)
n <- 600
data <- data.frame(group = sprintf("g%02d", rep(1:30, 20)), x = round(rnorm(n), 3), z = round(rnorm(n), 3),
                   hours = round(runif(n, 0.5, 4), 2))
g <- factor(data$group)
mean <- data$hours * exp(0.6 + 0.5 * data$x + rnorm(30, 0, 0.6)[g])
theta <- exp(0.4 + 0.6 * data$z)
data$quadratic <- rnbinom(n, mu = mean, size = 1.5)
data$linear <- rnbinom(n, mu = mean, size = mean / 1.2)
data$varied <- rnbinom(n, mu = mean, size = theta)
extra <- runif(n) < plogis(-1 + 0.7 * data$z + rnorm(30, 0, 0.8)[g])
data$quadratic_zeros <- ifelse(extra, 0, data$quadratic)
data$linear_zeros <- ifelse(extra, 0, data$linear)
write.csv(data, "simulated_dispersed_counts.csv", row.names = FALSE, quote = FALSE)
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

fit <- function(response, family, mean, dispersion = "~ 1", zero = "~ 0", truncated = FALSE) {
  rows <- if (truncated) data[data[[response]] > 0, ] else data
  kind <- get(if (truncated || zero != "~ 0" && grepl("^hurdle ", family)) sub("^(hurdle )?", "truncated_", family) else family)
  found <- optimum(glmmTMB(as.formula(paste(response, mean)), rows, family = kind,
                           dispformula = as.formula(dispersion), ziformula = as.formula(zero)))
  list(response = response, family = sub("^hurdle ", "", family), hurdle = grepl("^hurdle ", family), truncated = truncated,
       mean_formula = mean, dispersion_formula = dispersion, zero_formula = zero, log_likelihood = found$log_likelihood,
       mean = found$of("beta"), dispersion = found$of("betad"), zero = found$of("betazi"),
       theta = found$of("theta")$estimate, zero_theta = found$of("thetazi")$estimate, max_gradient = found$max_gradient)
}

mixed <- "~ x + offset(log(hours)) + (1 | group)"
fits <- list(
  fit("quadratic", "nbinom2", mixed),
  fit("quadratic", "nbinom1", mixed),
  fit("linear", "nbinom1", mixed),
  fit("quadratic", "nbinom2", "~ x + offset(log(hours))"),
  fit("varied", "nbinom2", mixed, dispersion = "~ z"),
  fit("linear", "nbinom1", mixed, dispersion = "~ z"),
  fit("quadratic_zeros", "nbinom2", mixed, zero = "~ z"),
  fit("quadratic_zeros", "nbinom2", mixed, zero = "~ z + (1 | group)"),
  fit("linear_zeros", "nbinom1", mixed, zero = "~ z + (1 | group)"),
  fit("quadratic_zeros", "nbinom2", mixed, dispersion = "~ z", zero = "~ z"),
  fit("quadratic_zeros", "hurdle nbinom2", mixed, zero = "~ z + (1 | group)"),
  fit("linear_zeros", "hurdle nbinom1", mixed, zero = "~ z"),
  fit("quadratic", "nbinom2", mixed, truncated = TRUE),
  fit("linear", "nbinom1", mixed, truncated = TRUE)
)
versions <- lapply(c(glmmTMB = "glmmTMB", TMB = "TMB"), function(p) as.character(packageVersion(p)))
write_json(list(versions = c(R = R.version.string, versions), fits = fits), "counts.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
