# Profile confidence intervals (95 %) of glmmTMB, back on natural scales: coefficients, precision,
# standard deviations, correlations. `profile` is confint(method = "profile"), with twice its usual
# number of points; `uniroot` finds the ends by root finding; null is an end that was not found.
# usage, from this folder: Rscript profiles.R DRAGONS.csv profiles.json
suppressMessages({library(glmmTMB); library(jsonlite)})
args <- commandArgs(TRUE)
d <- read.csv(args[1], stringsAsFactors = TRUE)
s <- d$testScore / 100
d$score <- ifelse(s == 0, 1e-4, ifelse(s == 1, 0.9999, s))
d$bodyLength_z <- as.numeric(scale(d$bodyLength))
petrol <- read.csv("../../skglmm/datasets/data/petrol.csv", stringsAsFactors = TRUE)
petrol$yield <- petrol$Y / 100
petrol$EPc <- petrol$EP / 100

cases <- list(
  `petrol-random-intercept` = list(yield ~ EPc + (1 | batch), petrol),
  `petrol-precision` = list(yield ~ EPc + (1 | batch), petrol, dispformula = ~ EPc),
  `dragons-random-intercept` = list(score ~ bodyLength_z + (1 | mountainRange), d),
  `dragons-random-slope` = list(score ~ bodyLength_z + (1 + bodyLength_z | mountainRange), d),
  `dragons-nested` = list(score ~ bodyLength_z + (1 | mountainRange / site), d)
)

# Names in the order of the parameters, and what takes each back to its natural scale.
scales_of <- function(model) {
  same <- function(x) x
  corr <- function(x) x / sqrt(1 + x^2)
  beta <- lapply(names(fixef(model)$cond), function(name) list(name, same))
  disp <- lapply(names(fixef(model)$disp), function(name) list(paste0("precision(", name, ")"), same))
  if (length(disp) == 1) disp <- list(list("precision", exp))
  blocks <- VarCorr(model)$cond
  theta <- lapply(names(blocks), function(group) {
    effects <- rownames(blocks[[group]])
    sds <- lapply(effects, function(effect) list(paste0("sd(", effect, " | ", group, ")"), exp))
    pair <- paste0("corr(", paste(effects, collapse = ", "), " | ", group, ")")
    c(sds, if (length(effects) == 2) list(list(pair, corr)))
  })
  c(beta, disp, do.call(c, theta))
}

ends <- function(model, scales, ...) {
  one <- function(i) {
    found <- tryCatch(
      suppressWarnings(confint(model, parm = i, estimate = FALSE, full = TRUE, ...))[1, 1:2],
      error = function(e) c(NA, NA))
    unname(scales[[i]][[2]](found))
  }
  names <- vapply(scales, function(scale) scale[[1]], "")
  setNames(lapply(seq_along(scales), one), names)
}

intervals_of <- function(case) {
  model <- suppressWarnings(do.call(glmmTMB, c(case, list(family = beta_family()))))
  scales <- scales_of(model)
  list(log_likelihood = as.numeric(logLik(model)), convergence = model$fit$convergence,
       profile = ends(model, scales, method = "profile", npts = 16),
       uniroot = ends(model, scales, method = "uniroot"))
}

writeLines(toJSON(c(list(
  glmmTMB = as.character(packageVersion("glmmTMB")), R = R.version.string), lapply(cases, intervals_of)),
  digits = NA, auto_unbox = TRUE, null = "null", na = "null", pretty = TRUE), args[2])
