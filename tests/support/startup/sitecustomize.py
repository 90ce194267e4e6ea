"""What each Python process that a test starts does first: it will not look for gevent's plugins.

gevent looks for them 25 times while it patches, and reads a file of each installed distribution
each time. Nothing that is installed for the tests has any, and without that search a process has
imported gevent and this package in two thirds of the time.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_NAME = "importlib.metadata"


class _Metadata(ModuleType):
    """Stands for the module until something else is wanted of it, which takes long to import."""

    def entry_points(self, **wanted: Any) -> Any:
        """As the module, but for gevent's plugins."""
        if wanted.get("group", "").startswith("gevent.plugins."):
            return ()
        return self.__getattr__("entry_points")(**wanted)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(_NAME) is self:
            del sys.modules[_NAME]
        return getattr(importlib.import_module(_NAME), name)


importlib.metadata = sys.modules[_NAME] = _Metadata(_NAME)  # type: ignore[attr-defined]
