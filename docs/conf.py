"""Configuration of Sphinx for the published specification and the guides."""

from importlib.metadata import version as version_of

project = "zodb-conformance"
author = "The zodb-conformance contributors"
project_copyright = author
release = version_of("zodb-conformance")
version = release

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
# A name in single backquotes is a reference that must resolve, never a mere change of font.
default_role = "any"
autodoc_typehints = "description"

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
