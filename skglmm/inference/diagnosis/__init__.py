"""What is wrong with a fit, or looks as if it were."""
