"""Standardization of columns and responses, null spaces, fingerprints of rows."""
