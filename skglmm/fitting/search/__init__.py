"""The search for the maximum of the likelihood."""
