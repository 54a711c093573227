"""What the calls of smooth terms are named in formulas."""

__all__ = ["PENALIZED", "SMOOTHS"]

SMOOTHS = ("s", "te", "ti", "t2")
PENALIZED = "_"  # before the name of a smooth: the call that makes its penalized columns
