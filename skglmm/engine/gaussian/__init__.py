"""Linear mixed models: what the rows add up to, whatever the response and the variances."""
