# Made-up data frames in the files that R's save() writes, for the tests of fetch_dragons.
# usage, from this folder: Rscript make.R
set.seed(20261122)
dragons <- data.frame(
  testScore = round(runif(480, 0, 100), 6), bodyLength = round(runif(480, 160, 240), 6), X = 1:480,
  mountainRange = factor(rep(paste("Range", LETTERS[1:8]), each = 60)),
  site = factor(rep(rep(c("a", "b", "c"), each = 20), 8)))
dragons[1:2, "testScore"] <- c(0, 100)
save(dragons, file = "dragons.RData", version = 2)
write.csv(dragons[c("testScore", "bodyLength", "mountainRange", "site")], "dragons.csv", row.names = FALSE)

small <- data.frame(
  whole = c(1L, NA, 3L), real = c(0.5, NA, -1e300), yes = c(TRUE, FALSE, NA), text = c("a", NA, "\u00e9"),
  level = factor(c("u", NA, "v")), stringsAsFactors = FALSE)
other <- list(list(1, "x"), quote(a))
save(other, small, file = "small_version3.RData", version = 3, compress = FALSE)
