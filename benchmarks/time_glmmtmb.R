# Fits one model with glmmTMB, standard errors included, and prints a line of JSON.
# usage: Rscript time_glmmtmb.R DATA.csv FORMULA
suppressMessages(library(glmmTMB))
args <- commandArgs(TRUE)
data <- read.csv(args[1])
factors <- intersect(c("g", "h", "d", "mountainRange", "site"), names(data))
data[factors] <- lapply(data[factors], factor)
model <- NULL
seconds <- system.time(
  model <- suppressWarnings(glmmTMB(as.formula(args[2]), data = data, family = beta_family()))
)[["elapsed"]]
cat(sprintf('{"seconds": %.4f, "log_likelihood": %.8f, "message": "%s", "version": "%s, %s"}\n',
            seconds, -model$fit$objective, model$fit$message, packageVersion("glmmTMB"),
            sub(" \\(.*", "", R.version.string)))
