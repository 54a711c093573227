# Which rows a design determines (estimability), and means of the cells of two factors without one of
# their combinations (glmmTMB, on the cells as one factor). usage, from this folder: Rscript estimable.R
suppressMessages({library(glmmTMB); library(emmeans); library(estimability); library(jsonlite)})
set.seed(15)
d <- expand.grid(k = 1:14, dose = c("high", "low", "mid"), soil = c("clay", "loam", "peat", "sand"))
d <- d[!(d$dose == "high" & d$soil == "peat"), ]                 # a cell of the reference level
d$plot <- sprintf("p%02d", 1 + (seq_len(nrow(d)) * 7) %% 12)
d$width <- round(rnorm(nrow(d), 30, 4), 2)
d$girth <- 3.25 * d$width + 1
d$season <- seq_len(nrow(d)) %% 2
eta <- rnorm(12, 0, 0.6)[as.integer(factor(d$plot))] + 0.4 * (d$dose == "low") - 0.05 * (d$width - 30)
d$y <- signif(rbeta(nrow(d), 8 * plogis(eta), 8 * plogis(-eta)), 8)
d <- d[c("y", "dose", "soil", "plot", "width", "girth", "season")]
write.csv(d, "simulated_empty_cell.csv", row.names = FALSE, quote = FALSE)
d <- read.csv("simulated_empty_cell.csv", stringsAsFactors = TRUE)

# rows to predict, and whether they are estimable under each formula
cells <- expand.grid(dose = levels(d$dose), soil = levels(d$soil))
rows <- data.frame(cells, width = 30, girth = c(98.5, 98.5, 100), season = c(0, 1, 1, 3))
formulas <- c("dose * soil", "dose:soil", "0 + dose:soil", "dose + soil", "width + girth", "girth + dose",
              "dose * soil + width + girth", "season + I(season^2)", "dose * season", "soil + dose:soil + girth:dose + width")
estimable <- sapply(formulas, function(f) {
  f <- as.formula(paste("~", f))
  X <- model.matrix(f, d)
  basis <- nonest.basis(X)
  unname(is.estble(model.matrix(f, rows), basis))
}, simplify = FALSE)

d$cell <- factor(paste(d$dose, d$soil))
model <- glmmTMB(y ~ 0 + cell + (1 | plot), d, family = beta_family())
link <- as.data.frame(emmeans(model, ~ cell)); response <- as.data.frame(emmeans(model, ~ cell, type = "response"))
means <- data.frame(cell = link$cell, linear = link$emmean, linear_se = link$SE, mean = response$response, se = response$SE)
# emmeans says which cells of the two factors have none
ref <- emmeans(lm(qlogis(y) ~ dose * soil, d), ~ dose * soil)
answers <- list(rows = rows, estimable = estimable, log_likelihood = as.numeric(logLik(model)), means = means,
                none = as.data.frame(ref)[is.na(as.data.frame(ref)$emmean), c("dose", "soil")],
                versions = list(R = R.version.string, glmmTMB = as.character(packageVersion("glmmTMB")),
                                emmeans = as.character(packageVersion("emmeans")),
                                estimability = as.character(packageVersion("estimability"))))
write(toJSON(answers, auto_unbox = TRUE, digits = 12, pretty = TRUE), "estimable.json")
