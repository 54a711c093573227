# Fits one generalized linear mixed model with glmmTMB or lme4, standard errors included, and prints
# a line of JSON.
# usage: Rscript time_generalized.R glmmTMB|lme4 DATA.csv FORMULA GROUPS FAMILY ZIFORMULA
args <- commandArgs(TRUE)
suppressMessages(library(args[1], character.only = TRUE))
data <- read.csv(args[2])
formula <- as.formula(args[3])
groups <- strsplit(args[4], ",")[[1]]
data[groups] <- lapply(data[groups], factor)
family <- eval(parse(text = args[5]))
time <- system.time({
  model <- suppressWarnings(if (args[1] == "lme4") {
    suppressMessages(glmer(formula, data = data, family = family))
  } else {
    glmmTMB(formula, data = data, family = family, ziformula = as.formula(args[6]))
  })
  errors <- if (args[1] == "lme4") as.matrix(vcov(model)) else vcov(model)
})
status <- if (file.exists("/proc/self/status")) readLines("/proc/self/status") else "VmHWM: 0 kB"
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) * 1024 / 1e6
cat(sprintf('{"n": %d, "wall": %.5f, "cpu": %.5f, "megabytes": %.1f, "log_likelihood": %.8f}\n',
            nrow(data), time[["elapsed"]], time[["user.self"]] + time[["sys.self"]], peak,
            as.numeric(logLik(model))))
