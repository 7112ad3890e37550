"""The running platform: what create() has put together, reached from any room through the current app."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import current_app, has_app_context
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures.db import db
from flexmeasures.errors import NameTaken

if TYPE_CHECKING:
    from flexmeasures.config import Configuration
    from flexmeasures.hookspecs import JobNotifier, RecurringJob
    from flexmeasures.plugins import Plugins


# What code of a plugin may raise without taking anything down.
FAILURES = (Exception, SystemExit)
# Variables that every template has from Flask, its extensions and the kernel.
CONTEXT = frozenset(
    {"config", "current_user", "g", "menu", "platform_name", "request", "security", "session", "user"}
)
# Hooks whose answer is what a browser or client gets.
RESPONSES = ("home", "render_error", "render_api_error")


@dataclass
class Runtime:
    """Plugins, job functions, recurring jobs, notifier of jobs and configuration of one app."""

    instance: Path
    configuration: Configuration
    plugins: Plugins
    job_functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    recurring_jobs: dict[str, RecurringJob] = field(default_factory=dict)
    notifier: JobNotifier | None = None  # what tells workers of jobs besides the table
    context_names: set[str] = field(default_factory=set)  # what built-in plugins give to all templates

    @property
    def hook(self) -> Any:
        """pluggy's hook caller: an exception of a plugin travels to the caller."""
        return self.plugins.manager.hook

    def ask(self, hook: str, **arguments: Any) -> list[Any]:
        """Answers of all plugins, first those from paths; what a plugin raises is logged with its name."""
        return list(self._answers(hook, arguments))

    def refuse_taken_variables(self, context: Mapping[str, Any] | None) -> None:
        """NameTaken for variables that templates have from the kernel or from built-in plugins."""
        taken = sorted((CONTEXT | self.context_names) & set(context or ()))
        if taken:
            raise NameTaken(
                f"The template variable{'s' * (len(taken) > 1)} {', '.join(map(repr, taken))} come with FlexMeasures."
            )

    def tell(self, hook: str, **arguments: Any) -> None:
        """Tell all plugins that something happened; what one raises is logged, the others are told."""
        self.ask(hook, **arguments)

    def first(self, hook: str, **arguments: Any) -> Any:
        """The first answer that is not None, None if there is none; a plugin that raises is passed over."""
        return next(self._answers(hook, arguments), None)

    def _answers(self, hook: str, arguments: dict[str, Any]) -> Iterator[Any]:
        for name, call in self.plugins.callers(hook):
            try:
                with leaving_the_session(self.plugins.is_built_in(name)):
                    answer = self.plugins.checked(hook, call(**arguments))
                    if answer is not None and hook in RESPONSES:
                        answer = current_app.make_response(answer)
                    if hook == "template_context" and not self.plugins.is_built_in(name):
                        self.refuse_taken_variables(answer)
            except FAILURES as error:
                self.plugins.note_failure(name, hook, error, "it is left out")
                _leave_no_broken_transaction(error)
                continue
            self.plugins.note_success(name, hook)
            if answer is not None:
                yield answer


@contextmanager
def leaving_the_session(is_built_in: bool) -> Iterator[None]:
    """Whatever code of a plugin leaves in the session is rolled back, unless a write transaction of ours is open."""
    if is_built_in or not has_app_context() or db.session.info.get("writing"):
        yield
        return
    session = db.session
    before = session.in_transaction()
    try:
        yield
    finally:
        left = session.in_transaction() and not before
        if left or session.new or session.dirty or session.deleted or not session.is_active:
            session.rollback()


def _leave_no_broken_transaction(error: BaseException) -> None:
    """After an error of the database the session refuses all work until it is rolled back."""
    if isinstance(error, SQLAlchemyError) and not db.session.info.get("writing"):
        db.session.rollback()


def runtime() -> Runtime:
    """The platform of the current app."""
    extension: Runtime = current_app.extensions["flexmeasures"]
    return extension
