"""What is known of the columns of a fit, and the way back to the user's units."""
