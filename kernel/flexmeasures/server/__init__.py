"""The processes of a server: supervisor, workers, watchdog."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.server.supervisor import Workers as Workers
    from flexmeasures.server.watchdog import AlarmClock as AlarmClock

__all__, __getattr__ = door(
    __name__,
    {
        "supervisor": ("Workers",),
        "watchdog": ("AlarmClock",),
    },
)
