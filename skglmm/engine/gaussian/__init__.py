"""Linear mixed models, exactly: cross-products in place of rows, and a profiled likelihood."""
