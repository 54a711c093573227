"""Settings of Sphinx."""

project = "skglmm"
author = "skglmm developers"
copyright = "skglmm developers"

extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
