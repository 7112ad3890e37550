"""Which beliefs a search is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from flexmeasures import grid
from flexmeasures.beliefs import sql as the_sql
from flexmeasures.db import db
from flexmeasures.timing import duration_ms, to_ms

HOUR = 3_600_000  # ms, by which a local day may be longer than 24 hours


@dataclass(frozen=True, kw_only=True)
class BeliefFilter:
    """The conditions of a search over sensors of one event resolution: those of `beliefs.search`."""

    resolution: timedelta
    start: datetime
    end: datetime
    horizon_at_least: timedelta | None = None
    horizon_at_most: timedelta | None = None
    prior: datetime | None = None
    sources: Collection[int] | None = None
    source_types: Collection[str] | None = None

    def as_sql(self, ids: Iterable[int]) -> str:
        """The conditions on rows of these sensors."""
        own = duration_ms(self.resolution)
        longest = own + HOUR if grid.is_of_days(self.resolution) else own
        pairs = [("event_start > ?", to_ms(self.start) - longest), ("event_start < ?", to_ms(self.end))]
        if self.horizon_at_least is not None:
            pairs.append(("horizon >= ?", duration_ms(self.horizon_at_least)))
        if self.horizon_at_most is not None:
            pairs.append(("horizon <= ?", duration_ms(self.horizon_at_most)))
        if self.prior is not None:
            pairs.append(("recorded <= ?", to_ms(self.prior) - own))
        return the_sql.where(ids if self.source_ids != [] else [], pairs, self.source_ids)

    @cached_property
    def source_ids(self) -> list[int] | None:
        """Ids of the sources that may have said it, None for all."""
        if self.source_types is None:
            return None if self.sources is None else sorted(self.sources)
        from sqlalchemy import select

        from flexmeasures.models.sources import Source

        query = select(Source.id).where(Source.type.in_(list(self.source_types)))
        ids = set(db.session.scalars(query))
        return sorted(ids if self.sources is None else ids & set(self.sources))
