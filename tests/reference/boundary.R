# Fits of glmmTMB to simulated responses with exact zeros and ones: zero-inflated and ordered betas.
# The data, too, come from here. usage, from this folder: Rscript boundary.R
suppressMessages({library(glmmTMB); library(jsonlite)})
set.seed(20)
groups <- 40; rows <- 15
d <- data.frame(g = rep(sprintf("g%02d", 1:groups), each = rows), x = round(rnorm(groups * rows), 3))
d$w <- 1 + (seq_len(nrow(d)) %% 3 == 0)
b <- rnorm(groups, 0, 0.7); s <- rnorm(groups, 0, 0.4); z <- rnorm(groups, 0, 0.9)
i <- as.integer(factor(d$g))
eta <- 0.3 + 0.6 * d$x + b[i] + s[i] * d$x
phi <- exp(2 + 0.3 * d$x)
inner <- pmin(pmax(rbeta(nrow(d), plogis(eta) * phi, plogis(-eta) * phi), 1e-6), 1 - 1e-6)
part <- runif(nrow(d))
d$zeros <- signif(ifelse(part < plogis(-1.2 + 0.8 * d$x + z[i]), 0, inner), 8)
low <- plogis(-1.5 - eta); high <- plogis(eta - 2)
d$both <- signif(ifelse(part < low, 0, ifelse(part > 1 - high, 1, inner)), 8)
write.csv(d, "simulated_boundary.csv", row.names = FALSE, quote = FALSE)
d <- read.csv("simulated_boundary.csv", stringsAsFactors = TRUE)

control <- glmmTMBControl(optCtrl = list(iter.max = 2000, eval.max = 2000))
b1 <- beta_family(); ob <- ordbeta(); start <- list(psi = c(-1, 1))
cases <- list(
  `zero-covariate` = list(zeros ~ x + (1 | g), d, ziformula = ~ x, family = b1),
  `zero-intercepts` = list(zeros ~ x, d, ziformula = ~ x + (1 | g), family = b1),
  `zero-and-mean-intercepts` = list(zeros ~ x + (1 | g), d, ziformula = ~ x + (1 | g), family = b1),
  `zero-slopes` = list(zeros ~ x + (1 | g), d, ziformula = ~ x + (1 + x | g), family = b1),
  `zero-precision` = list(zeros ~ x + (1 + x | g), d, ziformula = ~ x, dispformula = ~ x, family = b1),
  `zero-probit` = list(zeros ~ x + (1 | g), d, ziformula = ~ x, family = beta_family("probit")),
  `zero-weights` = list(zeros ~ x + (1 | g), d, ziformula = ~ x, family = b1, weights = d$w),
  `ordered-intercepts` = list(both ~ x + (1 | g), d, family = ob, start = start),
  `ordered-slopes` = list(both ~ x + (1 + x | g), d, family = ob, start = start),
  `ordered-precision` = list(both ~ x + (1 | g), d, dispformula = ~ x, family = ob, start = start),
  `ordered-weights` = list(both ~ x + (1 | g), d, family = ob, start = start, weights = d$w)
)

sds_of <- function(blocks) lapply(blocks, function(block) lapply(block, function(part)
  list(sd = unname(attr(part, "stddev")), corr = if (nrow(part) > 1) attr(part, "correlation")[2, 1])))

answers <- function(case) {
  model <- do.call(glmmTMB, c(case, list(control = control)))
  table <- summary(model)$coefficients
  parts <- Filter(function(part) !is.null(part), table)
  psi <- grep("psi", names(model$fit$par))
  list(log_likelihood = as.numeric(logLik(model)), convergence = model$fit$convergence,
       coefficients = lapply(parts, function(part) as.list(part[, "Estimate"])),
       std_errors = lapply(parts, function(part) as.list(part[, "Std. Error"])),
       log_precision = unname(fixef(model)$disp),
       psi = unname(model$fit$par[psi]),
       random = sds_of(unclass(VarCorr(model))[c("cond", "zi")]))
}
fits <- lapply(cases, answers)
for (name in names(fits)) cat(name, fits[[name]]$convergence, fits[[name]]$log_likelihood, "\n")
writeLines(toJSON(c(list(glmmTMB = as.character(packageVersion("glmmTMB")), R = R.version.string), fits),
  auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null"), "boundary.json")
