"""The database: engine, session, write transactions, column types, migrations."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.db.engine import db as db
    from flexmeasures.db.engine import dialect_insert as dialect_insert
    from flexmeasures.db.engine import is_sqlite as is_sqlite
    from flexmeasures.db.engine import prepare_engine as prepare_engine
    from flexmeasures.db.migrating import KERNEL as KERNEL
    from flexmeasures.db.migrating import Branch as Branch
    from flexmeasures.db.migrating import alone as alone
    from flexmeasures.db.migrating import branches as branches
    from flexmeasures.db.migrating import current as current
    from flexmeasures.db.migrating import downgrade as downgrade
    from flexmeasures.db.migrating import drop as drop
    from flexmeasures.db.migrating import head as head
    from flexmeasures.db.migrating import history as history
    from flexmeasures.db.migrating import init as init
    from flexmeasures.db.migrating import migrate as migrate
    from flexmeasures.db.migrating import pending as pending
    from flexmeasures.db.migrating import upgrade as upgrade
    from flexmeasures.db.outages import is_away as is_away
    from flexmeasures.db.outages import is_full as is_full
    from flexmeasures.db.outages import is_of_database as is_of_database
    from flexmeasures.db.outages import log_outage as log_outage
    from flexmeasures.db.outages import reason_of as reason_of
    from flexmeasures.db.plugin_tables import known as known
    from flexmeasures.db.plugin_tables import to_drop as to_drop
    from flexmeasures.db.transactions import after_commit as after_commit
    from flexmeasures.db.transactions import after_commit_together as after_commit_together
    from flexmeasures.db.transactions import writing as writing
    from flexmeasures.db.types import Base as Base
    from flexmeasures.db.types import Milliseconds as Milliseconds
    from flexmeasures.db.types import UtcTime as UtcTime
    from flexmeasures.db.types import plugin_base as plugin_base
    from flexmeasures.db.types import plugin_bases as plugin_bases

__all__, __getattr__ = door(
    __name__,
    {
        "engine": ("db", "dialect_insert", "is_sqlite", "prepare_engine"),
        "migrating": (
            "Branch",
            "KERNEL",
            "alone",
            "branches",
            "current",
            "downgrade",
            "drop",
            "head",
            "history",
            "init",
            "migrate",
            "pending",
            "upgrade",
        ),
        "outages": ("is_away", "is_full", "is_of_database", "log_outage", "reason_of"),
        "plugin_tables": ("known", "to_drop"),
        "transactions": ("after_commit", "after_commit_together", "writing"),
        "types": ("Base", "Milliseconds", "UtcTime", "plugin_base", "plugin_bases"),
    },
)
