# Writes degrees_of_freedom.json: tests of fixed effects of simulated_factorial.csv, by lmerTest, pbkrtest and glmmTMB.
# usage, from this folder: Rscript degrees_of_freedom.R      (Debian: r-cran-lmertest r-cran-pbkrtest r-cran-glmmtmb r-cran-jsonlite)
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(glmmTMB); library(jsonlite)})

data <- read.csv("simulated_factorial.csv", stringsAsFactors = TRUE)
strict <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))

coefficients_of <- function(m, ddf) {
  s <- coef(summary(m, ddf = ddf))
  list(term = rownames(s), std_error = unname(s[, 2]), df = unname(s[, 3]), t = unname(s[, 4]), p_value = unname(s[, 5]))
}

table_of <- function(m, type, ddf) {
  a <- as.data.frame(anova(m, type = type, ddf = ddf))
  list(type = type, df_method = ddf, term = I(rownames(a)), sum_sq = I(a[["Sum Sq"]]), num_df = I(a$NumDF), den_df = I(a$DenDF), F = I(a[["F value"]]), p_value = I(a[["Pr(>F)"]]))
}

linear <- function(name, formula, rows = data, reml = TRUE, contrasts = NULL, python = NULL) {
  call <- list(formula = formula, data = rows, REML = reml, control = strict)
  if (!is.null(contrasts)) call$contrasts <- contrasts
  m <- suppressWarnings(suppressMessages(do.call(lmerTest::lmer, call)))
  methods <- c("Satterthwaite", if (reml) "Kenward-Roger")
  tables <- list()
  for (type in c("I", "II", "III")) for (ddf in methods) tables[[length(tables) + 1]] <- table_of(m, type, ddf)
  p <- length(fixef(m))
  L <- rbind(c(0, 1, rep(0, p - 2)), c(rep(0, p - 1), 1))
  joint <- lapply(methods, function(ddf) {
    found <- contestMD(m, L, rhs = c(0.1, 0.2), ddf = ddf)
    list(df_method = ddf, F = found[["F value"]], den_df = found$DenDF, p_value = found[["Pr(>F)"]])
  })
  list(name = name, log_likelihood = as.numeric(logLik(m)), coefficients = setNames(lapply(methods, coefficients_of, m = m), methods), tables = tables, joint = joint)
}

sums <- list(a = "contr.sum", b = "contr.sum")
fits <- list(
  linear("factorial", y ~ a * b + x + (1 | g)),
  linear("sums", y ~ a * b + x + (1 | g), contrasts = sums),
  linear("maximum likelihood", y ~ a * b + x + (1 | g), reml = FALSE),
  linear("crossed", y ~ a + x + z + (x | g) + (1 | h)),
  linear("uncorrelated", y ~ a + x + (x || g)),
  linear("nested", y ~ a * x + z + (1 | g / k) + (1 | h)),
  linear("singular", plain ~ a * x + (x | g)),
  linear("empty cell", y ~ a * b + x + (1 | g), rows = droplevels(data[!(data$a == "r" & data$b == "w"), ])),
  linear("empty first cell", y ~ a * b + x + (1 | g), rows = droplevels(data[!(data$a == "p" & data$b == "u"), ]))
)

counts <- glmmTMB(count ~ a * b + x + (1 | g), data, family = poisson(), contrasts = sums)
beta <- fixef(counts)$cond
covariance <- vcov(counts)$cond
places <- attr(model.matrix(counts), "assign")
# with contrasts that add up to zero a test of the coefficients of a term is that of type III
chi_square <- lapply(seq_along(labels(terms(counts))), function(i) {
  own <- places == i
  found <- c(beta[own] %*% solve(covariance[own, own], beta[own]))
  list(term = labels(terms(counts))[i], statistic = found, df = sum(own), p_value = pchisq(found, sum(own), lower.tail = FALSE))
})
versions <- lapply(c("lme4", "lmerTest", "pbkrtest", "glmmTMB"), function(name) as.character(packageVersion(name)))
names(versions) <- c("lme4", "lmerTest", "pbkrtest", "glmmTMB")
writeLines(toJSON(list(versions = c(R = R.version.string, versions), fits = fits, counts = chi_square), digits = 12, auto_unbox = TRUE, pretty = TRUE), "degrees_of_freedom.json")
