"""Smooth terms: effects whose variances come from several penalties."""
