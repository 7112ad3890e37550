"""FlexMeasures schedules flexible energy assets: a minimal kernel, and plugins that bring everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexmeasures.algorithms import Forecaster, Scheduler
    from flexmeasures.hookspecs import hookimpl
    from flexmeasures.models import Asset, Market, Sensor, Source, User, WeatherSensor

    __version__: str

__all__ = [
    "Asset",
    "Forecaster",
    "Market",
    "Scheduler",
    "Sensor",
    "Source",
    "User",
    "WeatherSensor",
    "__version__",
    "hookimpl",
]

_HOMES = {"hookimpl": "hookspecs", "Scheduler": "algorithms", "Forecaster": "algorithms"}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used: `import flexmeasures` alone costs next to nothing."""
    if name == "__version__":
        from importlib.metadata import version

        return version("flexmeasures")
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(f"flexmeasures.{_HOMES.get(name, 'models')}"), name)
    raise AttributeError(f"module 'flexmeasures' has no attribute {name!r}")
