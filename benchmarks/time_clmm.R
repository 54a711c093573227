# Fits one cumulative link mixed model with ordinal, standard errors included, and prints a line of JSON.
# usage: Rscript time_clmm.R DATA.csv FORMULA GROUPS
suppressMessages(library(ordinal))
args <- commandArgs(TRUE)
data <- read.csv(args[1])
groups <- strsplit(args[3], ",")[[1]]
data[groups] <- lapply(data[groups], factor)
data$y <- factor(data$y, ordered = TRUE)
formula <- as.formula(args[2])
time <- system.time({
  model <- clmm(formula, data)
  errors <- sqrt(diag(vcov(model)))
})
cat(sprintf('{"n": %d, "wall": %.3f, "cpu": %.3f, "log_likelihood": %.8f}\n', nrow(data),
            time[["elapsed"]], time[["user.self"]] + time[["sys.self"]], as.numeric(logLik(model))))
