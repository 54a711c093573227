# Writes residuals.json: response and Pearson residuals of glmmTMB fits.
# usage, from this folder: Rscript residuals.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
# The Pearson residuals are made of the fitted means and precisions, Var = mu (1 - mu) / (1 + phi),
# as the formula of glmmTMB before 1.1.13 was wrong for the beta family.
suppressMessages({library(glmmTMB); library(jsonlite)})

petrol <- read.csv("../../skglmm/datasets/data/petrol.csv", stringsAsFactors = TRUE)
petrol$yield <- petrol$Y / 100
petrol$EPc <- petrol$EP / 100
crossed <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)

cases <- list(
  `petrol-random-intercept` = list(yield ~ EPc + (1 | batch), petrol, ~ 1),
  `petrol-precision` = list(yield ~ EPc + (1 | batch), petrol, ~ EPc),
  `crossed-slopes` = list(y ~ x + (x | subject) + (x | item), crossed, ~ 1)
)

# Newton's steps after the optimizer's last one: its tolerance would show in the sixth digit.
polished <- function(model) {
  obj <- model$obj
  par <- model$fit$par
  for (i in 1:3) par <- par - solve(optimHess(par, obj$fn, obj$gr), as.vector(obj$gr(par)))
  obj$fn(par)
  parts <- obj$env$parList(par, obj$env$last.par)
  data <- obj$env$data
  list(mu = plogis(as.vector(data$X %*% parts$beta + data$Z %*% parts$b)),
       phi = exp(as.vector(data$Xd %*% parts$betad)), gradient = max(abs(obj$gr(par))))
}

answers <- function(case) {
  model <- glmmTMB(case[[1]], case[[2]], dispformula = case[[3]], family = beta_family())
  found <- polished(model)
  mu <- found$mu
  phi <- found$phi
  stopifnot(max(abs(mu - fitted(model))) < 1e-3, found$gradient < 1e-4)
  rows <- unique(round(seq(1, nrow(case[[2]]), length.out = min(nrow(case[[2]]), 100))))
  y <- model$frame[[1]]
  pearson <- (y - mu) / sqrt(mu * (1 - mu) / (1 + phi))
  list(row_0based = rows - 1, fitted = mu[rows], precision = phi[rows],
       response = (y - mu)[rows], pearson = pearson[rows])
}

result <- list(
  versions = list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")),
                  TMB = as.character(packageVersion("TMB"))),
  fits = lapply(cases, answers)
)
writeLines(toJSON(result, digits = 12, auto_unbox = TRUE, pretty = TRUE), "residuals.json")
