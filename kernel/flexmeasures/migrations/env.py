"""What alembic runs for each command; flexmeasures.db.migrating hands it a connection and the tables."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], **given["options"])
context.run_migrations()
