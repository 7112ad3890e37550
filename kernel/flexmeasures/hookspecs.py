"""Every hook of FlexMeasures: its signature, and when it is called.

A plugin implements any of them as a plain function marked with `flexmeasures.hookimpl`, taking the
arguments that it needs, by name. "All" hooks ask every plugin; hooks marked firstresult stop at the first
answer that is not None. Plugins from paths are asked first, then third-party packages, then built-ins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from flask import Blueprint

from flexmeasures.config import Setting
from flexmeasures.markers import hookimpl, hookspec

if TYPE_CHECKING:
    from flask import Flask, Request
    from sqlalchemy.orm import Session

    from flexmeasures.jobs import JobListener
    from flexmeasures.models.jobs import Job
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.models.sources import Source
    from flexmeasures.models.users import User


__all__ = ["Health", "MenuItem", "RecurringJob", "hookimpl", "hookspec"]


@dataclass(frozen=True, kw_only=True)
class MenuItem:
    """An entry of the menu of pages.

    name: what FLEXMEASURES_LISTED_VIEWS calls it; url: where it leads; icon: name of a Bootstrap icon.
    """

    name: str
    title: str
    url: str
    icon: str = ""


@dataclass(frozen=True, kw_only=True)
class RecurringJob:
    """A job that is to run once in every period, at the whole multiples of it, however many workers there are.

    name: unique; every: at least a second; function: a name of register_jobs; queue: where it waits. at_once: whether
    the first one is due when workers first see it, or at the next multiple. setting: the name of one that switches
    it off.

        RecurringJob(name="our_client.report", every=timedelta(hours=1), function="our_client.report")
    """

    name: str
    every: timedelta
    function: str
    queue: str = "forecasting"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    at_once: bool = True
    setting: str = ""

    def __post_init__(self) -> None:
        if self.every < timedelta(seconds=1):
            raise ValueError(
                f"The recurring job {self.name!r} has a period of {self.every}; at least 1 second."
            )


@dataclass(frozen=True, kw_only=True)
class Health:
    """How one part of the system is. Where `ok` is not set, `detail` tells what is wrong and what to do."""

    name: str
    ok: bool
    detail: str = ""


@runtime_checkable
class JobNotifier(Protocol):
    """What tells workers of jobs that wait in the table, which alone says what is to be done. It never raises."""

    connection: Any

    def ring(self, jobs: Iterable[Job]) -> None:
        """Tell of jobs that wait."""

    def ring_again(self, waiting: Collection[Job]) -> None:
        """Tell of those among the waiting jobs that nobody was told of."""

    def silence(self, queue: str) -> None:
        """Forget the jobs of a queue."""

    def answers(self) -> bool:
        """Whether it works."""

    def listener(self, queues: Sequence[str], worker: str) -> JobListener:
        """For a worker."""


# -- when plugins are loaded, in create() --------------------------------------------------------------


@hookspec
def register_hookspecs() -> list[ModuleType]:  # type: ignore[empty-body]
    """Called once all plugins are imported: modules with hooks of the plugin, which other plugins may implement."""


@hookspec
def register_settings() -> list[Setting]:  # type: ignore[empty-body]
    """Called before the configuration is checked: settings that the plugin reads."""


@hookspec
def set_up(app: Flask) -> None:
    """Called in create() before all that follows: put together what others bring by hooks of the plugin."""


@hookspec(firstresult=True)
def job_notifier(app: Flask) -> JobNotifier | None:
    """Called in create(): what tells workers of jobs, so that they need not look at the table all the time."""


@hookspec
def register_blueprints(app: Flask) -> list[Blueprint]:  # type: ignore[empty-body]
    """Called in create(): blueprints with endpoints, pages and commands of the plugin."""


@hookspec
def register_queues() -> list[str]:  # type: ignore[empty-body]
    """Called when workers start: names of queues besides "forecasting" and "scheduling"."""


@hookspec
def register_jobs() -> dict[str, Callable[..., Any]]:  # type: ignore[empty-body]
    """Called once in create(): job functions by name, see `flexmeasures.jobs.enqueue`."""


@hookspec
def register_recurring_jobs() -> list[RecurringJob]:  # type: ignore[empty-body]
    """Called once in create(): jobs that workers ask for once a period."""


@hookspec
def register_migrations() -> Path | str:  # type: ignore[empty-body]
    """Called by `flexmeasures db upgrade`: folder with the alembic versions of the plugin's own tables."""


@hookspec
def register_seeds(session: Session) -> None:
    """Called by `flexmeasures add structure` and `demo`: add standing rows; must be safe to run twice."""


@hookspec
def warm_up() -> None:
    """Called before workers are started, in the process that they share: import what is heavy and used by jobs."""


# -- in each request -----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def authenticate(request: Request) -> User | None:
    """Called per request without session and token: who is this? A plugin that raises means nobody."""


@hookspec(firstresult=True)
def may(user: User, action: str, thing: Any) -> bool | None:
    """Called before an action ("read", "update", "delete", "create") on a thing: may the user do it?

    None leaves the answer to the next; a plugin that raises means no.
    """


# -- after something happened (cannot undo it) ---------------------------------------------------------


@hookspec
def on_beliefs_stored(sensor: Sensor, source: Source, start: datetime, end: datetime) -> None:
    """Called after commit of values of one sensor and source, which lie in the window [start, end)."""


@hookspec
def on_job_failed(job: Job, error: str) -> None:
    """Called after a job has failed for good, with the reason."""


@hookspec
def on_sensor_deleted(sensor: Sensor) -> None:
    """Called after commit of the deletion of a sensor and its beliefs."""


# -- on pages ------------------------------------------------------------------------------------------


@hookspec
def menu_items(user: User) -> list[MenuItem]:  # type: ignore[empty-body]
    """Called for each page of a logged-in user: entries of the menu."""


@hookspec
def template_context(page: str) -> dict[str, Any]:  # type: ignore[empty-body]
    """Called before a page is rendered: more variables for its template; page is the template's name."""


@hookspec(firstresult=True)
def home(user: User) -> Any:
    """Called for GET / of a logged-in user: a response, or None to leave it to the next."""


@hookspec(firstresult=True)
def render_error(error: Any) -> Any:
    """Called for an error (a werkzeug HTTPException) outside of /api: a response for browsers."""


@hookspec(firstresult=True)
def render_api_error(error: Any) -> Any:
    """Called for an error (a werkzeug HTTPException) below /api: a JSON response."""


# -- for operators -------------------------------------------------------------------------------------


@hookspec
def health() -> Health:  # type: ignore[empty-body]
    """Called by GET /health and `flexmeasures plugins check`: how the plugin is."""
