"""The installed providers of one kind, such as of weather or prices, and the one that is configured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import current_app

from flexmeasures.errors import InputError, SettingsError

if TYPE_CHECKING:
    from flask import Flask


AnyProvider = TypeVar("AnyProvider")  # a class with a name, and from_settings(settings) that makes it


@dataclass(frozen=True)
class Providers(Generic[AnyProvider]):
    """Those of one kind.

    kind: as messages call it; hook: by which plugins bring their classes; setting: names the one that is asked by
    default; example: a package that brings one.
    """

    kind: str
    hook: str
    setting: str
    example: str

    def collect(self, app: Flask) -> None:
        """Gather what plugins bring; to be called in the hook set_up."""
        found: dict[str, Any] = {}
        app.extensions[self.hook] = found
        plugins = app.extensions["flexmeasures"].plugins
        for plugin, brought in plugins.asked(self.hook):
            with plugins.guarding(plugin):
                for provider in brought:
                    plugins.claim(self.kind, provider.name, plugin)
                    found[provider.name] = provider
                    plugin.undo.append(lambda name=provider.name: found.pop(name, None))

    def named(self, name: str | None = None) -> AnyProvider:
        """The provider of that name; by default that of the setting, else the first that is configured.

        InputError for a name that is not installed, SettingsError where what it needs is not configured.
        """
        known: dict[str, Any] = current_app.extensions[self.hook]
        wanted = name or current_app.config[self.setting]
        if wanted:
            if wanted not in known:
                accepted = ", ".join(known) or f"none is installed; install {self.example}, for example"
                raise InputError(f"There is no {self.kind} {wanted!r}.", "provider", accepted)
            chosen: AnyProvider = known[wanted].from_settings(current_app.config)
            return chosen
        reasons = []
        for kind in known.values():
            try:
                first: AnyProvider = kind.from_settings(current_app.config)
            except SettingsError as error:
                reasons.append(str(error))
            else:
                return first
        raise SettingsError(" ".join(reasons) or f"No {self.kind} is installed, such as {self.example}.")
