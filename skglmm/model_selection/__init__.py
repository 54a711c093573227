"""Comparison of fitted models, and scores to choose among them."""

__all__: list[str] = []
