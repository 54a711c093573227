# Reads what the harness asks (a file of JSON), times fits, and prints a line of JSON.
args <- commandArgs(TRUE)
asked <- jsonlite::fromJSON(args[1])
data <- read.csv(asked$data)
data[asked$groups] <- lapply(data[asked$groups], factor)
formula <- as.formula(asked$formula)

# fit() returns a model with its standard errors, described() a list of log_likelihood, evaluations
# and message
measured <- function(fit, described) {
  times <- NULL
  repeat {
    time <- system.time(model <- suppressMessages(suppressWarnings(fit())))
    times <- rbind(times, c(time[["elapsed"]], time[["user.self"]] + time[["sys.self"]]))
    if (nrow(times) >= asked$repeats || sum(times[, 1]) > asked$enough) break
  }
  status <- if (file.exists("/proc/self/status")) readLines("/proc/self/status") else "VmHWM: 0 kB"
  peak <- as.numeric(gsub("[^0-9]", "", grep("^VmHWM", status, value = TRUE))) * 1024 / 1e6
  found <- c(list(n = nrow(data), wall = min(times[, 1]), cpu = min(times[, 2]), repeats = nrow(times),
                  megabytes = peak), described(model))
  cat(jsonlite::toJSON(found, auto_unbox = TRUE, digits = 12, null = "null", na = "null"), "\n")
}
