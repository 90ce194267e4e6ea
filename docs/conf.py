"""How Sphinx builds the documentation: ``tox -e docs``, or ``sphinx-build -W docs build/docs``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sockio_gevent import __version__

project = "sockio_gevent"
author = "The sockio_gevent maintainers"
copyright = author  # noqa: A001
release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
highlight_language = "none"

# Broken references are errors; those into other projects are not looked up.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(gevent|greenlet|geventwebsocket|flask|prometheus_client)\..*"),
    ("py:.*", r"(collections\.abc|contextlib|logging|typing)\..*"),
    ("py:.*", r"(Any|Callable|Environ|Iterable|Mapping|TypeVar|bool|bytes|dict|float|int|list)"),
    ("py:.*", r"(str|tuple|[A-Z][a-zA-Z]*Error|Exception|callable|optional)"),
]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autoclass_content = "class"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_attr_annotations = False

html_theme = "furo"
html_title = f"sockio_gevent {__version__}"
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["wrap.css"]
