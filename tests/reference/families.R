# Writes families.json: normal, Poisson and Bernoulli responses made of simulated_crossed.csv, and counts with extra
# zeros, hurdles and truncation, of simulated_counts.csv, which it writes, too; by glmmTMB.
# usage, from this folder: Rscript families.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data <- transform(data, logit = qlogis(y), count = floor(20 * y), event = as.numeric(y > 0.5))

set.seed(20)
n <- 600
counts <- data.frame(group = sprintf("g%02d", rep(1:30, 20)), x = round(rnorm(n), 3), z = round(rnorm(n), 3))
g <- factor(counts$group)
mean <- exp(0.6 + 0.4 * counts$x + rnorm(30, 0, 0.5)[g] + rnorm(30, 0, 0.2)[g] * counts$x)
zero <- plogis(-0.8 + 0.7 * counts$z + rnorm(30, 0, 0.8)[g])
counts$count <- ifelse(runif(n) < zero, 0, rpois(n, mean))
write.csv(counts, "simulated_counts.csv", row.names = FALSE, quote = FALSE)
counts$group <- g

optimum <- function(m) {
  # Newton steps from its optimum
  objective <- m$obj
  par <- m$fit$par
  for (i in 1:5) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  errors <- sqrt(diag(TMB::sdreport(objective, par)$cov.fixed))
  of <- function(name) list(estimate = unname(par[names(par) == name]), std_error = unname(errors[names(par) == name]))
  list(log_likelihood = -objective$fn(par), of = of, max_gradient = max(abs(objective$gr(par))))
}

fit <- function(response, family, link) {
  formula <- as.formula(paste(response, "~ x + (x | subject) + (1 | item)"))
  found <- optimum(glmmTMB(formula, data, family = get(family)(link)))
  list(response = response, family = family, link = link, log_likelihood = found$log_likelihood,
       mean = found$of("beta")$estimate, std_error = found$of("beta")$std_error,
       max_gradient = found$max_gradient)
}

fits <- list(
  fit("logit", "gaussian", "identity"), fit("count", "poisson", "log"), fit("count", "poisson", "sqrt"),
  fit("event", "binomial", "logit"), fit("event", "binomial", "probit"),
  fit("event", "binomial", "cloglog")
)

# Counts with zeros of another kind: extra ones, those of a hurdle, or none at all.
fit_zeros <- function(kind, mean, zero) {
  rows <- if (kind == "truncated") subset(counts, count > 0) else counts
  family <- if (kind == "inflated") poisson() else truncated_poisson()
  formula <- as.formula(paste("count", mean))
  found <- optimum(glmmTMB(formula, rows, family = family, ziformula = as.formula(zero)))
  list(kind = kind, mean_formula = mean, zero_formula = zero, log_likelihood = found$log_likelihood,
       mean = found$of("beta"), zero = found$of("betazi"), max_gradient = found$max_gradient)
}

zeros <- list(
  fit_zeros("inflated", "~ x + (1 | group)", "~ z"),
  fit_zeros("inflated", "~ x + (1 | group)", "~ z + (1 | group)"),
  fit_zeros("hurdle", "~ x + (1 | group)", "~ z"),
  fit_zeros("hurdle", "~ x + (1 | group)", "~ z + (1 | group)"),
  fit_zeros("truncated", "~ x + (1 | group)", "~ 0"),
  fit_zeros("truncated", "~ x + (x | group)", "~ 0")
)
versions <- list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")),
                 TMB = as.character(packageVersion("TMB")))
writeLines(toJSON(list(versions = versions, fits = fits, zeros = zeros), digits = 12, auto_unbox = TRUE,
                  pretty = TRUE), "families.json")
