"""Hooks about the API."""

from __future__ import annotations

from dataclasses import dataclass

from flexmeasures.markers import hookspec


@dataclass(frozen=True, kw_only=True)
class ApiVersion:
    """A version of the API, as GET /api/ lists it: name is its path segment, such as "v2_0"."""

    name: str
    title: str = ""


@hookspec
def register_api_versions() -> list[ApiVersion]:  # type: ignore[empty-body]
    """Called for GET /api/ and getService: versions of the API that the plugin serves."""
