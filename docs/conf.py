"""Configuration of Sphinx for the published specification and the guides."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "zodb-conformance"
author = "The zodb-conformance contributors"
project_copyright = author
release = version_of("zodb-conformance")
version = release

extensions = ["deviations", "specification", "stacking", "terminal"]
exclude_patterns = ["_build", "_ext", "_specification"]
# A name in single backquotes is a reference that must resolve, never a mere change of font.
default_role = "any"
nitpicky = True
smartquotes = False  # texts quote Python
highlight_language = "python"
rst_prolog = """
.. role:: level-must
.. role:: level-should
.. role:: level-may
.. role:: file-line(literal)
"""

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#14527a",
        "color-brand-content": "#14527a",
        "level-must": "#9b2c2c",
        "level-should": "#8a5a00",
        "level-may": "#356a3c",
        "terminal-background": "#1d2430",
        "terminal-foreground": "#e4e7ec",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7db8e0",
        "color-brand-content": "#7db8e0",
        "level-must": "#b23a3a",
        "level-should": "#94660d",
        "level-may": "#3f7a47",
        "terminal-background": "#11151c",
        "terminal-foreground": "#e4e7ec",
    },
}
