# Writes quadrature.json: Bernoulli and Poisson responses made of simulated_crossed.csv with random intercepts,
# by adaptive Gauss-Hermite quadrature of base R and statmod, and by lme4's with the same number of points.
# usage, from this folder: Rscript quadrature.R      (Debian: r-cran-lme4 r-cran-statmod r-cran-numderiv r-cran-jsonlite)
suppressMessages({library(lme4); library(statmod); library(numDeriv); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data <- transform(data, count = floor(5 * y), event = as.numeric(y > 0.5))
X <- model.matrix(~ x, data)
density <- list(binomial = function(y, eta) dbinom(y, 1, plogis(eta), log = TRUE),
                poisson = function(y, eta) dpois(y, exp(eta), log = TRUE))

# Minus the log likelihood: of each level the integral over u, its effect in standard deviations.
objective <- function(par, y, group, family, n) {
  rule <- gauss.quad(n, "hermite")
  eta <- function(u) drop(X %*% par[1:2]) + par[3] * u[group]
  h <- function(u) u^2 / 2 - c(tapply(density[[family]](y, eta(u)), group, sum))
  inverse <- get(family)()$linkinv
  variance <- get(family)()$variance
  u <- numeric(nlevels(group))
  for (i in 1:50) {
    mu <- inverse(eta(u))
    H <- 1 + par[3]^2 * c(tapply(variance(mu), group, sum))
    u <- u - (u - par[3] * c(tapply(y - mu, group, sum))) / H
  }
  terms <- sapply(seq_len(n), function(i) log(rule$weights[i]) + rule$nodes[i]^2 - h(u + sqrt(2 / H) * rule$nodes[i]))
  terms <- matrix(terms, ncol = n)
  top <- apply(terms, 1, max)
  -sum(top + log(rowSums(exp(terms - top))) - log(H) / 2 - log(pi) / 2)
}

fit <- function(response, family, group, n) {
  f <- function(par) objective(par, data[[response]], data[[group]], family, n)
  formula <- as.formula(paste0(response, " ~ x + (1 | ", group, ")"))
  tight <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5))
  m <- suppressWarnings(glmer(formula, data, get(family), nAGQ = n, control = tight))
  par <- nlminb(c(fixef(m), getME(m, "theta")), f, control = list(rel.tol = 1e-14))$par
  for (i in 1:3) par <- par - solve(hessian(f, par), grad(f, par))
  errors <- sqrt(diag(solve(hessian(f, par))))
  list(response = response, family = family, group = group, n_points = n,
       log_likelihood = -f(par), mean = unname(par[1:2]), sd = unname(par[3]),
       std_error = unname(errors[1:2]), max_gradient = max(abs(grad(f, par))),
       lme4 = list(mean = unname(fixef(m)), sd = unname(getME(m, "theta"))))
}

fits <- list(
  fit("event", "binomial", "subject", 3), fit("event", "binomial", "subject", 25),
  fit("event", "binomial", "item", 8), fit("count", "poisson", "subject", 3),
  fit("count", "poisson", "subject", 25), fit("count", "poisson", "item", 8)
)
versions <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                 statmod = as.character(packageVersion("statmod")))
writeLines(toJSON(list(versions = versions, fits = fits), digits = 12, auto_unbox = TRUE,
                  pretty = TRUE), "quadrature.json")
