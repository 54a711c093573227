# Writes bootstrap.json: what lme4's parametric bootstrap makes of a linear mixed model of simulated_crossed.csv.
# usage, from this folder: Rscript bootstrap.R      (Debian: r-cran-lme4 r-cran-jsonlite)
suppressMessages({library(lme4); library(jsonlite)})

data <- read.csv("simulated_crossed.csv", stringsAsFactors = TRUE)
data <- subset(transform(data, logit = qlogis(y)), item %in% levels(item)[1:4])

m <- lmer(logit ~ x + (x | subject), data)
estimates <- function(m) {
  v <- as.data.frame(VarCorr(m))$sdcor
  c(fixef(m), sigma = v[4], sd1 = v[1], sd2 = v[2], corr = v[3])
}
replicates <- suppressMessages(suppressWarnings(bootMer(m, estimates, nsim = 5000, seed = 1)))$t
record <- list(
  R = R.version.string, lme4 = as.character(packageVersion("lme4")), n_rows = nrow(data), n_replicates = nrow(replicates),
  names = c("Intercept", "x", "scale", "sd(Intercept | subject)", "sd(x | subject)", "corr(Intercept, x | subject)"),
  estimate = unname(estimates(m)), mean = unname(colMeans(replicates, na.rm = TRUE)), sd = unname(apply(replicates, 2, sd, na.rm = TRUE)),
  quantiles = unname(t(apply(replicates, 2, quantile, c(0.025, 0.25, 0.75, 0.975), na.rm = TRUE, names = FALSE)))
)
writeLines(toJSON(record, digits = 12, auto_unbox = TRUE, pretty = TRUE), "bootstrap.json")
