"""What a family has by default, by sums or by search."""
