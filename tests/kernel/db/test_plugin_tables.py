"""Plugins with tables: installed, upgraded, uninstalled, the kernel upgraded without them, and dropped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, inspect, text

import flexmeasures_master_data as master_data
from flexmeasures import app as app_module
from flexmeasures import db as the_db
from flexmeasures.cli import cli
from flexmeasures.db import Branch, db, writing
from flexmeasures.models import Asset
from flexmeasures.testing import make_app, temporary_postgresql

pytestmark = pytest.mark.usefixtures("forget_modules")

MODELS = """
    from enum import Enum
    from pathlib import Path
    import sqlalchemy as sa
    from sqlalchemy import ForeignKey
    from sqlalchemy.orm import Mapped, mapped_column, relationship
    from flexmeasures import Sensor, hookimpl
    from flexmeasures.db import plugin_base

    Base = plugin_base("NAME")

    class Kind(Enum):
        small = 1
        large = 2

    class Meter(Base):
        __tablename__ = "NAME_meter"
        id: Mapped[int] = mapped_column(primary_key=True)
        kind: Mapped[Kind] = mapped_column(sa.Enum(Kind, name="NAME_kind"))
        sensor_id: Mapped[int] = mapped_column(ForeignKey(Sensor.__table__.c.id, ondelete="CASCADE"))
        MORE

    class Reading(Base):
        __tablename__ = "NAME_reading"
        id: Mapped[int] = mapped_column(primary_key=True)
        meter_id: Mapped[int] = mapped_column(ForeignKey("NAME_meter.id"))
        meter: Mapped[Meter] = relationship()

    @hookimpl
    def register_migrations():
        return Path(__file__).parent / "migrations"
    """


@pytest.fixture(params=["sqlite", "postgresql"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/plugins.db"
    else:
        with temporary_postgresql() as uri:
            yield uri


@pytest.fixture
def flexmeasures(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """flexmeasures("db", "upgrade", plugins=[...]) runs a command with these plugins installed."""
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", uri)
    monkeypatch.setenv("FLASK_ENV", "development")
    made = []
    create = app_module.create
    monkeypatch.setattr(
        app_module, "create", lambda *args, **given: made.append(create(*args, **given)) or made[-1]
    )

    def run(*arguments: str, plugins: tuple[Path, ...] = ()) -> Result:
        monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", ",".join(map(str, plugins)))
        for plugin in plugins:
            sys.modules.pop(plugin.name, None)
        result = CliRunner().invoke(cli, list(arguments), prog_name="flexmeasures")
        while made:  # the process of a command ends with its connections
            with made.pop().app_context():
                db.engine.dispose()
        return result

    return run


def write(folder: Path, name: str, more: str = "") -> Path:
    """The plugin's folder, with its models."""
    plugin = folder / name
    (plugin / "migrations").mkdir(parents=True, exist_ok=True)
    (plugin / "__init__.py").write_text(dedent(MODELS).replace("NAME", name).replace("MORE", more))
    return plugin


def tables(uri: str) -> set[str]:
    engine = create_engine(uri.replace("postgresql://", "postgresql+psycopg://"))
    names = set(inspect(engine).get_table_names())
    if uri.startswith("postgresql"):
        names |= {f"type {enum['name']}" for enum in inspect(engine).get_enums()}  # type: ignore[attr-defined]
    engine.dispose()
    return names


def test_a_plugin_is_installed_upgraded_uninstalled_and_dropped_and_the_kernel_goes_on(
    flexmeasures: Callable[..., Result], tmp_path: Path, uri: str
) -> None:
    plugin = write(tmp_path, "meters_q")
    assert flexmeasures("db", "upgrade", "0001").exit_code == 0
    old = tables(uri)
    # Installed: its first migration.
    assert (
        "Wrote"
        in flexmeasures("db", "migrate", "-m", "first", "--plugin", "meters_q", plugins=(plugin,)).output
    )
    result = flexmeasures("db", "upgrade", "--plugin", "meters_q", plugins=(plugin,))
    assert "meters_q: up to 0001, first" in result.output, result.stderr
    assert {"meters_q_meter", "meters_q_reading", "meters_q_alembic_version"} <= tables(uri)
    # Upgraded and back again.
    write(tmp_path, "meters_q", "size: Mapped[int | None]")
    assert (
        "0002"
        in flexmeasures("db", "migrate", "-m", "size", "--plugin", "meters_q", plugins=(plugin,)).output
    )
    assert "up to 0002" in flexmeasures("db", "upgrade", "--plugin", "meters_q", plugins=(plugin,)).output
    down = flexmeasures("db", "downgrade", "--force", "--plugin", "meters_q", plugins=(plugin,))
    assert "meters_q: back from 0002" in down.output
    # Uninstalled: the kernel's own migrations go on.
    assert "meters_q: not loaded, but has tables" in flexmeasures("db", "current").output
    assert flexmeasures("db", "upgrade").exit_code == 0
    assert (
        "No plugin 'meters_q' has migrations" in flexmeasures("db", "upgrade", "--plugin", "meters_q").stderr
    )
    # Dropped.
    assert "Did you mean meters_q?" in flexmeasures("db", "drop", "--plugin", "metersq", "--force").stderr
    assert flexmeasures("db", "drop", "--plugin", "flexmeasures", "--force").exit_code == 1
    dropped = flexmeasures("db", "drop", "--plugin", "meters_q", "--force")
    assert "meters_q_meter, meters_q_reading" in dropped.output, dropped.stderr
    assert {name for name in tables(uri) if "meters_q" in name} == set()
    assert old <= tables(uri)
    # And installed once more.
    again = flexmeasures("db", "upgrade", plugins=(plugin,))
    assert "meters_q: up to 0001" in again.output, again.stderr


def test_dropping_api_leaves_the_tables_of_api_v1(tmp_path: Path, uri: str) -> None:
    app = make_app(tmp_path / "instance", SQLALCHEMY_DATABASE_URI=uri)
    made = [branch(tmp_path, "things", "things_x"), branch(tmp_path, "things_v1", "things_v1_y")]
    with app.app_context():
        the_db.upgrade(db.engine, made)
        assert the_db.drop(db.engine, "things") == [
            "things_x",
            "things_alembic_tables",
            "things_alembic_version",
        ]
        left = {name for name in inspect(db.engine).get_table_names() if name.startswith("things")}
        db.engine.dispose()
    assert left == {"things_v1_y", "things_v1_alembic_version", "things_v1_alembic_tables"}


def test_a_migration_that_makes_a_table_of_a_foreign_name_changes_nothing(tmp_path: Path, uri: str) -> None:
    app = make_app(tmp_path / "instance", SQLALCHEMY_DATABASE_URI=uri)
    with app.app_context():
        with pytest.raises(Exception, match="foreign make theirs; their names are to begin with foreign_"):
            the_db.upgrade(db.engine, [branch(tmp_path, "foreign", "theirs")])
        assert not inspect(db.engine).has_table("theirs")
        db.engine.dispose()


def test_a_table_that_another_plugin_refers_to_is_not_dropped(tmp_path: Path, uri: str) -> None:
    app = make_app(tmp_path / "instance", SQLALCHEMY_DATABASE_URI=uri)
    with app.app_context():
        one = branch(tmp_path, "one", "one_x")
        two = branch(tmp_path, "two", "two_y", "sa.Column('x', sa.Integer, sa.ForeignKey('one_x.id'))")
        the_db.upgrade(db.engine, [one, two])
        with db.engine.begin() as connection:
            connection.execute(text("INSERT INTO one_x (id) VALUES (1)"))
            connection.execute(text("INSERT INTO two_y (id, x) VALUES (1, 1)"))
        with pytest.raises(Exception, match=r"two_y|depend"):
            the_db.drop(db.engine, "one")
        assert inspect(db.engine).has_table("one_x")
        db.engine.dispose()


def test_rows_of_an_uninstalled_plugin_do_not_keep_a_sensor_from_being_deleted(
    flexmeasures: Callable[..., Result], tmp_path: Path, uri: str
) -> None:
    plugin = write(tmp_path, "meters_r")
    assert flexmeasures("db", "upgrade").exit_code == 0
    flexmeasures("db", "migrate", "-m", "first", "--plugin", "meters_r", plugins=(plugin,))
    assert flexmeasures("db", "upgrade", plugins=(plugin,)).exit_code == 0
    app = make_app(tmp_path / "instance", SQLALCHEMY_DATABASE_URI=uri)
    with app.app_context():
        with writing() as session:
            master_data.seed(session)
            asset: Any = Asset(name="x", event_resolution=timedelta(minutes=15))
            session.add(asset)
            session.flush()
            insert = text("INSERT INTO meters_r_meter (kind, sensor_id) VALUES ('small', :id)")
            session.execute(insert, {"id": asset.id})
        with writing() as session:
            session.delete(asset)
        assert db.session.scalar(text("SELECT count(*) FROM meters_r_meter")) == 0
        db.session.close()
        db.engine.dispose()


def branch(folder: Path, name: str, table: str, more: str = "") -> Branch:
    """A line of migrations with one that makes the table."""
    versions = folder / name
    versions.mkdir()
    (versions / "0001_first.py").write_text(
        dedent(
            f"""
            import sqlalchemy as sa
            from alembic import op
            revision, down_revision = "0001", None
            def upgrade():
                op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True), {more})
            """
        )
    )
    return Branch(name, versions)
