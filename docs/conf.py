"""Settings of Sphinx."""

project = "skglmm"
author = "skglmm developers"
copyright = "skglmm developers"

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath"]
numpydoc_show_class_members = False  # the pages list the methods
exclude_patterns = ["_build"]
html_theme = "alabaster"
