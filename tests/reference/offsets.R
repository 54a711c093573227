# Writes offsets.json: offsets in the formulas of all predictors, and natural splines, by glmmTMB.
# usage, from this folder: Rscript offsets.R      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite); library(splines)})

boundary <- read.csv("simulated_boundary.csv")
inside <- subset(boundary, zeros > 0)
crossed <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)

fits <- list(
  mean = glmmTMB(zeros ~ x + offset(log(w + 1)) + offset(0.1 * x^2) + (1 | g), inside,
                 family = beta_family()),
  precision = glmmTMB(zeros ~ x + offset(log(w + 1)) + (1 | g), inside,
                      dispformula = ~ x + offset(0.3 * w), family = beta_family()),
  zero = glmmTMB(zeros ~ x + offset(0.5 * w) + (1 | g), boundary,
                 ziformula = ~ x + offset(0.4 * x^2), family = beta_family()),
  natural_spline = glmmTMB(y ~ ns(x, 3) + (1 | subject), crossed, family = beta_family())
)

answers <- function(m) list(
  log_likelihood = as.numeric(logLik(m)), mean = fixef(m)$cond, precision = fixef(m)$disp,
  zero = fixef(m)$zi, sd = attr(VarCorr(m)$cond[[1]], "stddev")[[1]],
  fitted = unname(head(predict(m, type = "conditional"), 5))
)

result <- list(
  versions = list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")),
                  TMB = as.character(packageVersion("TMB"))),
  knots = unname(attr(ns(crossed$x, 3), "knots")),
  fits = lapply(fits, answers)
)
writeLines(toJSON(result, digits = 12, auto_unbox = TRUE, pretty = TRUE), "offsets.json")
