# Fits one linear mixed model with lme4, standard errors included, and prints a line of JSON.
# usage: Rscript time_lme4.R DATA.csv FORMULA GROUPS REPEATS
suppressMessages(library(lme4))
args <- commandArgs(TRUE)
data <- read.csv(args[1])
groups <- strsplit(args[3], ",")[[1]]
data[groups] <- lapply(data[groups], factor)
times <- NULL
repeat {
  time <- system.time({
    model <- suppressMessages(suppressWarnings(lmer(as.formula(args[2]), data = data)))
    errors <- sqrt(diag(as.matrix(vcov(model))))
  })
  times <- rbind(times, c(time[["elapsed"]], time[["user.self"]] + time[["sys.self"]]))
  if (nrow(times) >= as.integer(args[4]) || sum(times[, 1]) > 5) break
}
status <- if (file.exists("/proc/self/status")) readLines("/proc/self/status") else "VmHWM: 0 kB"
peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) * 1024 / 1e6
cat(sprintf('{"n": %d, "wall": %.5f, "cpu": %.5f, "megabytes": %.1f, "log_likelihood": %.8f}\n',
            nrow(data), median(times[, 1]), median(times[, 2]), peak, as.numeric(logLik(model))))
