"""Reference distributions of tests and intervals: normal, or t and F with degrees of freedom."""
