"""The installed algorithms of a kind, and which of them a sensor gets."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import current_app

from flexmeasures.errors import NameTaken, UnknownAlgorithm

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.plugins import Plugin, Plugins
    from flexmeasures_algorithms.facts import SensorFacts


EXTENSION = "flexmeasures_algorithms"

log = logging.getLogger(__name__)

AlgorithmClass = TypeVar("AlgorithmClass", bound=type[Any])  # of schedulers, or of forecasters


@dataclass(frozen=True)
class Choice(Generic[AlgorithmClass]):
    """The algorithm for a sensor, and why it is that one, in words for users."""

    algorithm: AlgorithmClass
    because: str


class Registry(Generic[AlgorithmClass]):
    """The algorithms of one kind ("scheduler" or "forecaster"), in order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._by_name: dict[str, AlgorithmClass] = {}

    def add(self, algorithm: AlgorithmClass, replace: bool = False) -> None:
        """Register; NameTaken when the name is given out already and `replace` is not set."""
        taken = self._by_name.get(algorithm.name)
        if taken is not None and not replace:
            raise NameTaken(
                f"The {self.kind} {algorithm.name!r} of {algorithm.__module__} is already brought by"
                f" {taken.__module__}; to replace it, state __replaces__ = ['{self.kind}.{algorithm.name}']."
            )
        self._by_name[algorithm.name] = algorithm

    def discard(self, algorithms: Iterable[AlgorithmClass]) -> None:
        """Take algorithms out again, when the plugin that brought them turns out to be broken."""
        for algorithm in algorithms:
            if self._by_name.get(algorithm.name) is algorithm:
                del self._by_name[algorithm.name]

    def all(self) -> list[AlgorithmClass]:
        """All algorithms, in order of registration."""
        return list(self._by_name.values())

    def names(self) -> list[str]:
        """Names of all algorithms, in order of registration."""
        return list(self._by_name)

    def get(self, name: str) -> AlgorithmClass:
        """The algorithm of that name; UnknownAlgorithm, naming the installed ones, when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            installed = ", ".join(self._by_name) or "none"
            raise UnknownAlgorithm(
                f"No {self.kind} {name!r} is installed (installed: {installed})."
            ) from None

    def by_themselves(self, sensor: SensorFacts) -> Iterator[AlgorithmClass]:
        """Those that a sensor may get without a wish, in order of registration."""
        for algorithm in self._by_name.values():
            if getattr(algorithm, "by_itself", True) and algorithm.accepts(sensor):
                yield algorithm

    def _wished(self, name: str, because: str) -> AlgorithmClass:
        try:
            return self.get(name)
        except UnknownAlgorithm as error:
            raise UnknownAlgorithm(f"{error} It is asked for by {because}.") from None

    def choose(self, sensor: SensorFacts, wishes: Iterable[tuple[str | None, str]]) -> Choice[AlgorithmClass]:
        """First wish that names an algorithm, else the first registered that accepts the sensor.

        wishes: pairs of (name or None, because), the strongest first; a name that is not installed raises
        UnknownAlgorithm, never falls through.
        """
        for name, because in wishes:
            if name is not None:
                return Choice(self._wished(name, because), because)
        for algorithm in self.by_themselves(sensor):
            because = f"first {self.kind} that accepts the {sensor.kind} type {sensor.type}"
            return Choice(algorithm, because)
        raise UnknownAlgorithm(f"No installed {self.kind} accepts the type {sensor.type} of {sensor.name!r}.")


def registry_of(kind: str) -> Registry[Any]:
    """The installed algorithms of a kind, "scheduler" or "forecaster"; empty where no package collects them."""
    registries: dict[str, Registry[Any]] = current_app.extensions.get(EXTENSION, {})
    return registries.get(kind) or Registry(kind)


def collect(app: Flask, kind: str, hook: str) -> None:
    """Fill the registry of a kind by the hook with which plugins bring such algorithms."""
    found: Registry[Any] = Registry(kind)
    app.extensions.setdefault(EXTENSION, {})[kind] = found
    plugins = app.extensions["flexmeasures"].plugins
    for plugin, brought in plugins.asked(hook):
        with plugins.guarding(plugin):
            for algorithm in brought:
                _add(plugins, plugin, found, algorithm)


def _add(plugins: Plugins, plugin: Plugin, registry: Registry[Any], algorithm: Any) -> None:
    replaced = plugins.claim(registry.kind, algorithm.name, plugin)
    earlier = registry.get(algorithm.name) if replaced is not None else None

    def take_away() -> None:
        registry.discard([algorithm])
        if earlier is not None:
            registry.add(earlier, replace=True)

    registry.add(algorithm, replace=earlier is not None)
    plugin.undo.append(take_away)


def warm_all() -> None:
    """Let all algorithms import what is heavy; one that fails in it takes longer for its first job."""
    registries: dict[str, Registry[Any]] = current_app.extensions.get(EXTENSION, {})
    for algorithm in [each for found in registries.values() for each in found.all()]:
        try:
            algorithm.warm()
        except Exception:
            log.exception("The algorithm %s fails in warm(); its first job will take longer.", algorithm.name)
