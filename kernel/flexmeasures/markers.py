"""The marks of hooks: `hookimpl` for functions of plugins, `hookspec` for those that say what a hook is."""

from __future__ import annotations

import pluggy

hookspec = pluggy.HookspecMarker("flexmeasures")
hookimpl = pluggy.HookimplMarker("flexmeasures")
