"""A fit in one table, or in one text."""
