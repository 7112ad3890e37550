"""What the migrations of each plugin made is written down, so that it can be dropped when the plugin is gone.

The table <plugin>_alembic_tables, which comes with the plugin's version table, names every table (and, on
PostgreSQL, every enumerated type) that its migrations made and that is still there. Nothing is guessed from the
beginning of names, so that dropping `api` touches nothing of `api_v1`.
"""

from __future__ import annotations

import difflib

from sqlalchemy import Connection, Engine, inspect, text

from flexmeasures.errors import FlexMeasuresError, InputError

TABLE, TYPE = "table", "type"
Things = set[tuple[str, str]]


def things(connection: Connection) -> Things:
    """Tables and enumerated types that the database has: (kind, name)."""
    inspector = inspect(connection)
    found = {(TABLE, name) for name in inspector.get_table_names()}
    if connection.dialect.name == "postgresql":
        found |= {(TYPE, enum["name"]) for enum in inspector.get_enums()}  # type: ignore[attr-defined]
    return found


def record(connection: Connection, plugin: str, before: Things) -> None:
    """Write down what migrations of the plugin have made and removed; FlexMeasuresError for foreign names."""
    prefix, own = f"{plugin.replace('-', '_')}_", {version_table(plugin), _record_table(plugin)}
    after = things(connection)
    made = {thing for thing in after - before if thing[1] not in own}
    foreign = sorted(name for _, name in made if not name.startswith(prefix))
    if foreign:
        raise FlexMeasuresError(
            f"The migrations of {plugin} make {', '.join(foreign)}; their names are to begin with {prefix}."
            " Nothing was changed."
        )
    kept = (_recorded(connection, plugin) | made) & after
    table = _quoted(connection, _record_table(plugin))
    connection.execute(text(f"CREATE TABLE IF NOT EXISTS {table} (kind VARCHAR(10), name VARCHAR(200))"))
    connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608  a name of our own, quoted
    for kind, name in sorted(kept):
        insert = text(f"INSERT INTO {table} (kind, name) VALUES (:kind, :name)")  # noqa: S608
        connection.execute(insert, {"kind": kind, "name": name})


def version_table(plugin: str) -> str:
    """The table with the plugin's version."""
    return f"{plugin}_alembic_version"


def known(engine: Engine) -> list[str]:
    """Plugins that have or had tables in this database, installed or not."""
    ending = version_table("")
    return sorted(
        name.removesuffix(ending) for name in inspect(engine).get_table_names() if name.endswith(ending)
    )


def to_drop(engine: Engine, plugin: str) -> list[str]:
    """Names of the tables that drop() removes; InputError when the database knows no such plugin."""
    if plugin not in known(engine):
        similar = difflib.get_close_matches(plugin, known(engine), 1)
        hint = f" Did you mean {similar[0]}?" if similar else ""
        raise InputError(
            f"No plugin {plugin!r} has tables in this database.{hint}",
            "plugin",
            ", ".join(known(engine)) or "none",
        )
    with engine.connect() as connection:
        recorded = sorted(name for kind, name in _recorded(connection, plugin) if kind == TABLE)
        own = [_record_table(plugin), version_table(plugin)]
        existing = inspect(connection).get_table_names()
        return [name for name in (*recorded, *own) if name in existing]


def drop(connection: Connection, plugin: str, tables: list[str]) -> None:
    """Drop the tables of to_drop(), and the types that came with them."""
    types = sorted(name for kind, name in _recorded(connection, plugin) if kind == TYPE)
    quoted = [_quoted(connection, name) for name in tables]
    if connection.dialect.name == "sqlite":
        for name in quoted:
            connection.execute(text(f"DROP TABLE {name}"))
        return
    connection.execute(text(f"DROP TABLE {', '.join(quoted)}"))  # all at once: they may refer to each other
    for name in types:
        connection.execute(text(f"DROP TYPE IF EXISTS {_quoted(connection, name)}"))


def _record_table(plugin: str) -> str:
    return f"{plugin}_alembic_tables"


def _recorded(connection: Connection, plugin: str) -> Things:
    if not inspect(connection).has_table(_record_table(plugin)):
        return set()
    table = _quoted(connection, _record_table(plugin))
    rows = connection.execute(text(f"SELECT kind, name FROM {table}"))  # noqa: S608  a name of our own, quoted
    return {(row.kind, row.name) for row in rows}


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)
