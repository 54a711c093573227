"""Transformers: columns of categories become their shrunken effects."""

from skglmm.preprocessing.encoder import GLMMEncoder

__all__ = ["GLMMEncoder"]
