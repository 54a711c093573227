# Writes families.json: normal, Poisson and Bernoulli responses made of simulated_crossed.csv, by glmmTMB.
# usage, from this folder: Rscript families.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data <- transform(data, logit = qlogis(y), count = floor(20 * y), event = as.numeric(y > 0.5))

fit <- function(response, family, link) {
  formula <- as.formula(paste(response, "~ x + (x | subject) + (1 | item)"))
  m <- glmmTMB(formula, data, family = get(family)(link))
  # Newton steps from its optimum
  objective <- m$obj
  par <- m$fit$par
  for (i in 1:5) par <- par - solve(optimHess(par, objective$fn, objective$gr), c(objective$gr(par)))
  covariance <- TMB::sdreport(objective, par)$cov.fixed
  beta <- names(par) == "beta"
  list(response = response, family = family, link = link,
       log_likelihood = -objective$fn(par), mean = unname(par[beta]),
       std_error = unname(sqrt(diag(covariance))[beta]),
       max_gradient = max(abs(objective$gr(par))))
}

fits <- list(
  fit("logit", "gaussian", "identity"), fit("count", "poisson", "log"), fit("count", "poisson", "sqrt"),
  fit("event", "binomial", "logit"), fit("event", "binomial", "probit"),
  fit("event", "binomial", "cloglog")
)
versions <- list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")),
                 TMB = as.character(packageVersion("TMB")))
writeLines(toJSON(list(versions = versions, fits = fits), digits = 12, auto_unbox = TRUE,
                  pretty = TRUE), "families.json")
