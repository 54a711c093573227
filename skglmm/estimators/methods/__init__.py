"""Methods of a fitted estimator."""
