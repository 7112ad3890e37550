"""FlexMeasures schedules flexible energy assets: a minimal kernel, and plugins that bring everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexmeasures.markers import hookimpl
    from flexmeasures.models import Asset, Market, Sensor, Source, User, WeatherSensor

    __version__: str

__all__ = [
    "Asset",
    "Market",
    "Sensor",
    "Source",
    "User",
    "WeatherSensor",
    "__version__",
    "hookimpl",
]

EXPORTS = "flexmeasures.exports"  # entry points of public names that packages bring


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: `import flexmeasures` alone costs next to nothing."""
    if name == "__version__":
        from importlib.metadata import version

        return version("flexmeasures")
    if name == "hookimpl":
        from flexmeasures.markers import hookimpl

        return hookimpl
    if name in __all__:
        from flexmeasures import models

        return getattr(models, name)
    if name[:1].isupper():
        from importlib.metadata import entry_points

        for point in entry_points(group=EXPORTS, name=name):
            return point.load()
    raise AttributeError(f"module 'flexmeasures' has no attribute {name!r}")
