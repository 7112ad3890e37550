"""flexmeasures.db.migrating and the kernel's migrations, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from flexmeasures import db
from flexmeasures.config import load
from flexmeasures.db import Base, Branch, migrating, prepare_engine
from flexmeasures.db.migrating import KERNEL_BRANCH
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.plugins import Plugins
from flexmeasures.testing import temporary_postgresql

_numbers = count()

PLUGIN = """
from pathlib import Path
from sqlalchemy.orm import Mapped, mapped_column
from flexmeasures import hookimpl
from flexmeasures.db import plugin_base
from datetime import datetime

Base = plugin_base("{name}")

class Meter(Base):
    __tablename__ = "{name}_meter"
    id: Mapped[int] = mapped_column(primary_key=True)
    read_at: Mapped[datetime]

@hookimpl
def register_migrations():
    return Path(__file__).parent / "migrations"
"""


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Engine]:
    """An empty database, with the engine that the configuration makes of its URI."""
    if kind == "sqlite":
        yield from engine_of(folder, f"sqlite:///{folder}/{len(list(folder.iterdir()))}.db")
    else:
        with temporary_postgresql() as uri:
            yield from engine_of(folder, uri)


def engine_of(folder: Path, uri: str) -> Iterator[Engine]:
    arguments = {"SQLALCHEMY_DATABASE_URI": uri, "SECRET_KEY": "x"}
    options: dict[str, Any] = load(folder, named=True, arguments=arguments).values["SQLALCHEMY_ENGINES"][
        "default"
    ]
    engine = create_engine(**options)
    prepare_engine(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with database(request.param, tmp_path) as engine:
        yield engine


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A plugin with a table of its own and no migration yet."""
    name = f"meters_{next(_numbers)}"  # a module that is imported keeps its name
    folder = tmp_path / name
    (folder / "migrations").mkdir(parents=True)
    (folder / "__init__.py").write_text(PLUGIN.format(name=name))
    return folder


def branch_of(plugin: Path) -> Branch:
    plugins = Plugins()
    plugins.load([str(plugin)], [])
    return db.branches(plugins, plugin.name)[0]


SCHEMA = {
    "sqlite": "SELECT name, sql FROM sqlite_master",
    "postgresql": """
        SELECT concat(table_name, '.', column_name),
               concat(data_type, character_maximum_length, is_nullable, column_default)
          FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT concat('constraint ', conname), pg_get_constraintdef(oid)
          FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
}


def schema(engine: Engine) -> dict[str, list[str]]:
    """Everything that the database itself says about its tables (but alembic's own), in one order."""
    with engine.connect() as connection:
        rows = connection.execute(text(SCHEMA[engine.dialect.name])).all()
    return {name: parts(definition) for name, definition in rows if "alembic" not in name}


def parts(definition: str | None) -> list[str]:
    """A definition with its lines in one order: constraints may be listed in another."""
    lines = [" ".join(line.split()).rstrip(",") for line in (definition or "").replace('"', "").splitlines()]
    return sorted(line for line in lines if line)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_make_exactly_the_tables_of_the_models(kind: str, tmp_path: Path) -> None:
    with database(kind, tmp_path) as migrated, database(kind, tmp_path) as created:
        db.upgrade(migrated)
        Base.metadata.create_all(created)
        assert schema(migrated) == schema(created)
        assert db.migrate(migrated) is None


def test_on_sqlite_beliefs_have_no_rowid_and_sensor_ids_are_never_given_out_twice(tmp_path: Path) -> None:
    with database("sqlite", tmp_path) as engine:
        db.upgrade(engine)
        tables = {name: " ".join(definition) for name, definition in schema(engine).items()}
    assert "WITHOUT ROWID" in tables["belief"]
    assert all("AUTOINCREMENT" in tables[name] for name in ("sensor", "user", "source", "job", "schedule"))


def test_an_upgraded_database_has_nothing_pending_and_upgrading_again_does_nothing(engine: Engine) -> None:
    assert db.pending(engine) == [KERNEL_BRANCH]
    assert db.current(engine) is None
    assert len(db.upgrade(engine)) == len(db.history())
    assert db.pending(engine) == []
    assert db.current(engine) == db.head() == db.history()[0].revision
    assert db.upgrade(engine) == []


def test_downgrading_to_base_removes_all_tables(engine: Engine) -> None:
    db.upgrade(engine)
    assert db.downgrade(engine, revision="base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert db.current(engine) is None


def test_a_revision_that_is_not_there_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(FlexMeasuresError, match=r"flexmeasures: .*0815"):
        db.upgrade(engine, revision="0815")


def test_a_plugin_migrates_its_own_tables_and_keeps_its_own_version(engine: Engine, plugin: Path) -> None:
    db.upgrade(engine)
    branch = branch_of(plugin)
    written = db.migrate(engine, branch, "meters")
    assert written == plugin / "migrations" / "0001_meters.py"
    assert "alembic_version" not in written.read_text()
    assert "sensor" not in written.read_text()
    db.upgrade(engine, [KERNEL_BRANCH, branch])
    tables = set(inspect(engine).get_table_names())
    assert {f"{plugin.name}_meter", f"{plugin.name}_alembic_version", "sensor"} <= tables
    assert db.current(engine, branch) == "0001"
    assert db.migrate(engine, branch) is None
    assert db.migrate(engine) is None, "the kernel is not to drop what belongs to a plugin"
    assert db.downgrade(engine, [branch]) == [f"{plugin.name}: back from 0001, meters"]
    assert db.pending(engine, [KERNEL_BRANCH, branch]) == [branch]


def test_the_kernel_comes_first_and_an_unknown_plugin_is_refused_with_the_known_ones(plugin: Path) -> None:
    plugins = Plugins()
    plugins.load([str(plugin)], [])
    names = [branch.name for branch in db.branches(plugins)]
    assert (names[0], names[-1]) == (db.KERNEL, plugin.name)
    with pytest.raises(InputError, match=rf"nobody.*flexmeasures, .*{plugin.name}"):
        db.branches(plugins, "nobody")


def test_on_sqlite_a_migration_that_breaks_references_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "0001_bad.py").write_text(
        "from alembic import op\nrevision = '0001'\ndown_revision = None\n"
        "def upgrade():\n    op.execute('DELETE FROM role')\n"
    )
    with database("sqlite", tmp_path) as engine:
        db.upgrade(engine)
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO role (id, name) VALUES (1, 'admin')"))
            connection.execute(
                text(
                    'INSERT INTO "user" (id, username, email, active, fs_uniquifier, timezone, login_count,'
                    " attributes) VALUES (1, 'a', 'a@b.cd', 1, 'u', 'UTC', 0, '{}')"
                )
            )
            connection.execute(text("INSERT INTO roles_users (user_id, role_id) VALUES (1, 1)"))
        with pytest.raises(FlexMeasuresError, match=r"1 references .* roles_users .* to role"):
            db.upgrade(engine, [Branch("bad", folder)])
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM role")) == 1
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert db.current(engine, Branch("bad", folder)) is None


def test_the_head_is_read_like_alembic_reads_it(tmp_path: Path) -> None:
    from alembic.script import ScriptDirectory

    heads = ScriptDirectory(str(migrating.HOME), version_locations=[str(KERNEL_BRANCH.versions)]).get_heads()
    assert [db.head()] == heads
    branch = Branch("two", db.init(Branch("two", tmp_path / "two" / "versions")))
    assert db.head(branch) is None
    (branch.versions / "a.py").write_text('revision: str = "a"\ndown_revision: str | None = None\n')
    (branch.versions / "b.py").write_text("revision = 'b'\ndown_revision = 'a'\n")
    assert db.head(branch) == "b"
    (branch.versions / "c.py").write_text("revision = 'c'\ndown_revision = ('a',)\n")
    with pytest.raises(FlexMeasuresError, match="b, c"):
        db.head(branch)
