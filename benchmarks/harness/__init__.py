"""Fits of skglmm and of other programs to the same rows, each in a process of its own.

``workloads`` has the models and their rows, ``goals`` what is to be reached, ``programs`` who fits
them, ``child`` what runs in the process of a fit (for R in ``r``), ``measure`` starts it, ``table``
shows a run, also beside an earlier one, and ``command`` reads what people ask for.
"""
