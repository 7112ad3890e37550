"""Settings of Sphinx."""

import importlib.metadata

project = "FlexMeasures"
author = "the authors of FlexMeasures"
release = importlib.metadata.version("flexmeasures")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False  # of libraries, whose texts refer to pages of theirs
autodoc_member_order = "groupwise"
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"description": "Schedules flexible energy assets", "page_width": "64rem"}
html_copy_source = False
