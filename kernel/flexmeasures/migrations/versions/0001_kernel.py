"""The kernel's tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from flexmeasures.db import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "belief",
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_start", UtcTime(), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("sensor_id", "event_start", "horizon", "source_id", name=op.f("pk_belief")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "role",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role")),
        sa.UniqueConstraint("name", name=op.f("uq_role_name")),
    )
    op.create_table(
        "sensor_type",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("display_name", sa.String(length=80), nullable=False),
        sa.Column("is_consumer", sa.Boolean(), nullable=False),
        sa.Column("is_producer", sa.Boolean(), nullable=False),
        sa.Column("can_curtail", sa.Boolean(), nullable=False),
        sa.Column("can_shift", sa.Boolean(), nullable=False),
        sa.Column("daily_seasonality", sa.Boolean(), nullable=False),
        sa.Column("weekly_seasonality", sa.Boolean(), nullable=False),
        sa.Column("yearly_seasonality", sa.Boolean(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor_type")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_sensor_type_kind_name")),
    )
    op.create_table(
        "user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("email", sa.String(length=255), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("timezone", sa.String(length=80), nullable=False),
        sa.Column("last_login_at", UtcTime(), nullable=True),
        sa.Column("login_count", sa.Integer(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_user_fs_uniquifier")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "roles_users",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["role.id"], name=op.f("fk_roles_users_role_id_role"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_roles_users_user_id_user"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role_id", name=op.f("pk_roles_users")),
    )
    op.create_table(
        "sensor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("display_name", sa.String(length=255), nullable=False),
        sa.Column("unit", sa.String(length=80), nullable=False),
        sa.Column("timezone", sa.String(length=80), nullable=False),
        sa.Column("event_resolution", sa.BigInteger(), nullable=False),
        sa.Column("type_id", sa.Integer(), nullable=True),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("market_id", sa.Integer(), nullable=True),
        sa.Column("capacity_in_mw", sa.Double(), nullable=True),
        sa.Column("min_soc_in_mwh", sa.Double(), nullable=True),
        sa.Column("max_soc_in_mwh", sa.Double(), nullable=True),
        sa.Column("soc_in_mwh", sa.Double(), nullable=True),
        sa.Column("soc_datetime", UtcTime(), nullable=True),
        sa.Column("soc_udi_event_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["market_id"], ["sensor.id"], name=op.f("fk_sensor_market_id_sensor"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user.id"], name=op.f("fk_sensor_owner_id_user"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["type_id"], ["sensor_type.id"], name=op.f("fk_sensor_type_id_sensor_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sensor")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_sensor_kind_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sensor_owner_id"), "sensor", ["owner_id"])
    op.create_index(
        "uq_sensor_display_name",
        "sensor",
        ["kind", "display_name"],
        unique=True,
        sqlite_where=sa.text("kind IN ('asset', 'market')"),
        postgresql_where=sa.text("kind IN ('asset', 'market')"),
    )
    op.create_index(
        "uq_sensor_weather_place",
        "sensor",
        ["type_id", "latitude", "longitude"],
        unique=True,
        sqlite_where=sa.text("kind = 'weather_sensor'"),
        postgresql_where=sa.text("kind = 'weather_sensor'"),
    )
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_source_user_id_user"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_source_script",
        "source",
        ["name", "type", "model", "version"],
        unique=True,
        sqlite_where=sa.text("type <> 'user'"),
        postgresql_where=sa.text("type <> 'user'"),
    )
    op.create_index("uq_source_user_id", "source", ["user_id"], unique=True)
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("queue", sa.String(length=80), nullable=False),
        sa.Column("function", sa.String(length=120), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("merge_key", sa.String(length=120), nullable=True),
        sa.Column("sensor_id", sa.Integer(), nullable=True),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("lease_token", sa.String(length=64), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("worker", sa.String(length=120), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=True),
        sa.Column("finished_at", UtcTime(), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("algorithm", sa.String(length=80), nullable=True),
        sa.Column("because", sa.String(length=255), nullable=True),
        sa.Column("inputs", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensor.id"], name=op.f("fk_job_sensor_id_sensor"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_queue_state_id", "job", ["state", "queue", "id"])
    op.create_index("ix_job_sensor_id_event_id", "job", ["sensor_id", "event_id"])
    op.create_index(
        "uq_job_merge_key",
        "job",
        ["merge_key"],
        unique=True,
        sqlite_where=sa.text("state = 'queued' AND merge_key IS NOT NULL"),
        postgresql_where=sa.text("state = 'queued' AND merge_key IS NOT NULL"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sensor_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("start", UtcTime(), nullable=False),
        sa.Column("resolution", sa.BigInteger(), nullable=False),
        sa.Column("belief_time", UtcTime(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("price_unit", sa.String(length=20), nullable=False),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("prices", sa.JSON(), nullable=False),
        sa.Column("soc", sa.JSON(), nullable=False),
        sa.Column("costs", sa.JSON(), nullable=False),
        sa.Column("baseline", sa.JSON(), nullable=False),
        sa.Column("baseline_costs", sa.JSON(), nullable=False),
        sa.Column("objective", sa.Double(), nullable=False),
        sa.Column("algorithm", sa.String(length=80), nullable=False),
        sa.Column("because", sa.String(length=255), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["job.id"], name=op.f("fk_schedule_job_id_job"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensor.id"], name=op.f("fk_schedule_sensor_id_sensor"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name=op.f("fk_schedule_source_id_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_schedule_job_id"), "schedule", ["job_id"])
    op.create_index("ix_schedule_sensor_id_event_id", "schedule", ["sensor_id", "event_id"])


def downgrade() -> None:
    for table in (
        "schedule",
        "job",
        "source",
        "sensor",
        "roles_users",
        "user",
        "sensor_type",
        "role",
        "belief",
    ):
        op.drop_table(table)
