# Writes ordinal.json: ordered classes made of simulated_crossed.csv, by clmm and clm of the package ordinal.
# clmm interchanges the names cloglog and loglog where there is one scalar random effect; here links have their true
# names. Its standard errors come from differences of an approximation that is not solved to the end: with one
# point they may be off by some percent, and are left out.
# usage, from this folder: Rscript ordinal.R      (Debian: r-cran-ordinal r-cran-jsonlite)
suppressMessages({library(ordinal); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data$rating <- factor(findInterval(data$y, c(0.2, 0.45, 0.7, 0.9)) + 1, ordered = TRUE)
tight <- clmm.control(gradTol = 1e-9, innerCtrl = "warnOnly")

random <- function(name, formula, link = "logit", threshold = "flexible", nAGQ = 1) {
  alone <- c(cloglog = "loglog", loglog = "cloglog")
  used <- if (link %in% names(alone)) alone[[link]] else link
  m <- clmm(formula, data, link = used, threshold = threshold, nAGQ = nAGQ, control = tight)
  table <- coef(summary(m))
  list(name = name, formula = deparse1(formula[[3]]), link = link, thresholds = threshold, n_quadrature = nAGQ,
       log_likelihood = as.numeric(logLik(m)), names = rownames(table), estimates = unname(table[, 1]),
       std_errors = if (nAGQ > 1) unname(table[, 2]) else NA,
       sds = unname(unlist(lapply(VarCorr(m), attr, "stddev"))))
}

scaled <- function(name, link) {
  m <- clm(rating ~ x, scale = ~ x, data = data, link = link, control = clm.control(gradTol = 1e-10))
  table <- coef(summary(m))
  list(name = name, formula = "x", scale = "x", link = link, thresholds = "flexible", n_quadrature = 1,
       log_likelihood = as.numeric(logLik(m)), names = rownames(table), estimates = unname(table[, 1]),
       std_errors = unname(table[, 2]), sds = numeric(0))
}

one <- rating ~ x + (1 | subject)
cases <- c(
  lapply(c("logit", "probit", "cloglog", "loglog"), function(l) random(l, one, l)),
  lapply(c("symmetric", "equidistant"), function(t) random(t, one, threshold = t)),
  lapply(c("logit", "cloglog"), function(l) random(paste0(l, ", 7 points"), one, l, nAGQ = 7)),
  list(random("slopes", rating ~ x + (1 + x | subject)), random("crossed", rating ~ x + (1 | subject) + (1 | item), "probit")),
  lapply(c("logit", "loglog"), function(l) scaled(paste0("scale, ", l), l)))
write_json(list(R = R.version.string, ordinal = as.character(packageVersion("ordinal")), cases = cases),
           "ordinal.json", auto_unbox = TRUE, digits = 12, pretty = TRUE)
