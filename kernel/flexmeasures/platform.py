"""The running platform: what create() has put together, reached from any room through the current app."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.algorithms import Forecaster, Registry, Scheduler

if TYPE_CHECKING:
    from flexmeasures.config import Configuration
    from flexmeasures.plugins import Plugins

log = logging.getLogger(__name__)


@dataclass
class Platform:
    """Plugins, algorithms, job functions and configuration of one app."""

    instance: Path
    configuration: Configuration
    plugins: Plugins
    schedulers: Registry[type[Scheduler]] = field(default_factory=lambda: Registry("scheduler"))
    forecasters: Registry[type[Forecaster]] = field(default_factory=lambda: Registry("forecaster"))
    job_functions: dict[str, Callable[..., Any]] = field(default_factory=dict)

    @property
    def hook(self) -> Any:
        """pluggy's hook caller: an exception of a plugin travels to the caller."""
        return self.plugins.manager.hook

    def ask(self, hook: str, **arguments: Any) -> list[Any]:
        """Answers of all plugins, first those from paths; what a plugin raises is logged with its name."""
        answers = []
        for name, call in self.plugins.callers(hook):
            try:
                answer = call(**arguments)
            except Exception:
                log.exception("Plugin %s fails in hook %s; it is left out.", name, hook)
                continue
            if answer is not None:
                answers.append(answer)
        return answers

    def tell(self, hook: str, **arguments: Any) -> None:
        """Tell all plugins that something happened; what one raises is logged, the others are told."""
        self.ask(hook, **arguments)

    def first(self, hook: str, **arguments: Any) -> Any:
        """The first answer that is not None, None if there is none; a plugin that raises is passed over."""
        for name, call in self.plugins.callers(hook):
            try:
                answer = call(**arguments)
            except Exception:
                log.exception("Plugin %s fails in hook %s; it is left out.", name, hook)
                continue
            if answer is not None:
                return answer
        return None


def platform() -> Platform:
    """The platform of the current app."""
    extension: Platform = current_app.extensions["flexmeasures"]
    return extension
