"""Settings of Sphinx."""

import sys
from pathlib import Path

from sphinx_gallery import gen_gallery

import skglmm

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

from site_settings import inventories  # noqa: E402

project = "skglmm"
author = "skglmm developers"
copyright = "skglmm developers"
version = release = skglmm.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx-mathjax-offline",  # formulas without a network, and without a stranger's server
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
# Times of examples are for who builds the site; their pages ask other servers for scripts.
exclude_patterns = ["_build", "**sg_execution_times.rst"]
templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_typehints = "none"  # the docstrings say more
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False  # the template lists them
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

intersphinx_mapping = inventories(
    {
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "sklearn": "https://scikit-learn.org/stable/",
    },
    HERE / "_build" / "inventories",
)

# Tutorial and workflows, folders within that of the examples, are galleries of their own and no
# subsections; sphinx-gallery, which looks for files that have the same name, meets theirs twice.
suppress_warnings = ["sphinx_gallery.duplicate_filename"]
gen_gallery.get_subsections = lambda *_, **__: []
sphinx_gallery_conf = {
    "examples_dirs": ["../examples", "../examples/tutorial", "../examples/workflows"],
    "gallery_dirs": ["gallery", "tutorial", "workflows"],
    "ignore_pattern": r"dragons\.py|__init__\.py",
    "within_subsection_order": "site_settings.HeaderOrder",
    "doc_module": ("skglmm",),
    "backreferences_dir": "api/backreferences",
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "min_reported_time": 60,
}

# Code and output of these pages are wide.
WIDE = sorted(HERE.parent.glob("examples/[tw]*/plot_*.py"))
html_theme = "pydata_sphinx_theme"
html_title = f"skglmm {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(HERE / "_ext" / "search_scorer.js")
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "logo": {"text": "skglmm"},
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        **{f"{page.parent.name}/{page.stem}": [] for page in WIDE},
    },
    "show_nav_level": 1,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
# Pages that have no siblings, and those whose code is up to 100 columns wide
html_sidebars = {
    page: []
    for page in ("index", "choose", "getting_started", "gallery/*", "changelog", "contributing")
}
