# Fits the models below with glmmTMB and writes NAME.json for each: what the tests compare with.
# usage, from this folder: Rscript glmmtmb.R [NAME ...]      (Debian: r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(glmmTMB); library(jsonlite)})

petrol <- read.csv("../../skglmm/datasets/data/petrol.csv", stringsAsFactors = TRUE)
petrol$yield <- petrol$Y / 100
petrol$EPc <- petrol$EP / 100
crossed <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
nested <- read.csv("simulated_nested.csv", stringsAsFactors = TRUE)

cases <- list(
  `petrol-random-intercept` = list(yield ~ EPc + (1 | batch), petrol),
  `petrol-precision` = list(yield ~ EPc + (1 | batch), petrol, dispformula = ~ EPc),
  `crossed-intercepts` = list(y ~ x + (1 | subject) + (1 | item), crossed),
  `crossed-slopes` = list(y ~ x + (x | subject) + (x | item), crossed),
  `crossed-mixed-columns` = list(y ~ x * t + (1 + x | subject) + (0 + t | item), crossed),
  `nested-three-levels` = list(y ~ x + (1 | school / class / pupil), nested)
)

versions <- list(
  R = R.version.string,
  glmmTMB = as.character(packageVersion("glmmTMB")),
  TMB = as.character(packageVersion("TMB"))
)

# What skglmm may differ by. Standard errors and standard deviations of random effects that glmmTMB
# puts at zero, or correlations at one, are not compared.
tolerances <- list(
  log_likelihood_below = 1e-4,       # absolute; higher is always fine
  estimate_in_std_errors = 1e-3,     # coefficients
  estimate_relative_unconverged = 0.05,
  std_error_relative = 5e-3, sd_relative = 5e-3, precision_relative = 5e-3,
  mode_in_sd = 1e-2,                 # in standard deviations of the effect
  prediction_absolute = 1e-4
)

coefficients_of <- function(table) {
  if (is.null(table)) return(NULL)
  list(names = rownames(table), estimate = unname(table[, 1]), std_error = unname(table[, 2]))
}

random_effects_of <- function(model) {
  lapply(VarCorr(model)$cond, function(block) {
    list(columns = rownames(block), sd = unname(attr(block, "stddev")),
         corr = unname(attr(block, "correlation")))
  })
}

modes_of <- function(model) {
  lapply(ranef(model)$cond, function(b) {
    list(levels = rownames(b), columns = colnames(b), values = unname(as.matrix(b)))
  })
}

# For at most 40 rows that are spread evenly over the data.
predictions_of <- function(model, data) {
  rows <- unique(round(seq(1, nrow(data), length.out = min(nrow(data), 40))))
  at <- function(...) {
    p <- predict(model, newdata = data[rows, , drop = FALSE], se.fit = TRUE, ...)
    lapply(p, unname)
  }
  link <- at(type = "link"); response <- at(type = "response")
  population <- at(type = "response", re.form = NA)
  list(row_0based = rows - 1, link = link$fit, link_se = link$se.fit,
       response = response$fit, response_se = response$se.fit,
       population_response = population$fit, population_response_se = population$se.fit)
}

answers <- function(name, formula, data, ...) {
  model <- glmmTMB(formula, data, family = beta_family(), ...)
  tables <- summary(model)$coefficients
  list(
    name = name, versions = versions, tolerances = tolerances,
    formula = paste(deparse(formula), collapse = " "),
    dispersion_formula = paste(deparse(model$modelInfo$allForm$dispformula), collapse = " "),
    family = "beta", link = "logit", n = nrow(data),
    convergence = model$fit$convergence, message = model$fit$message,
    pd_hessian = isTRUE(model$sdr$pdHess),
    log_likelihood = as.numeric(logLik(model)),        # null where the curvature is not definite
    log_likelihood_reached = -model$fit$objective, df = attr(logLik(model), "df"),
    aic = AIC(model), bic = BIC(model),
    conditional = coefficients_of(tables$cond), dispersion = coefficients_of(tables$disp),
    sigma = if (is.null(tables$disp)) sigma(model),
    random_effects = random_effects_of(model), conditional_modes = modes_of(model),
    prediction = predictions_of(model, data)
  )
}

wanted <- commandArgs(TRUE)
for (name in if (length(wanted)) wanted else names(cases)) {
  found <- suppressWarnings(do.call(answers, c(name, cases[[name]])))
  write_json(found, paste0(name, ".json"), digits = NA, auto_unbox = TRUE, null = "null", na = "null",
             pretty = TRUE)
  cat(name, format(found$log_likelihood, digits = 12), found$message, "\n")
}
