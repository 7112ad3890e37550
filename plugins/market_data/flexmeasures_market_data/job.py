"""Each hour from the publication on: tomorrow's prices until they are there, and once more for corrections."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import select

from flexmeasures import timing
from flexmeasures.db import db
from flexmeasures.errors import InputError, JobError
from flexmeasures.jobs import Outcome
from flexmeasures.models import Job, Market
from flexmeasures_market_data.importing import AUCTION_ZONE, PUBLISHED, market_name, market_of, store
from flexmeasures_market_data.providers import PROVIDERS
from flexmeasures_market_data.zone_forecasts import store_forecasts
from flexmeasures_web_services import ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flexmeasures_market_data.base import Prices, ZoneForecast

ZONES = "FLEXMEASURES_PRICE_ZONES"
CORRECTIONS = 19  # hour of the auction's day at which the same days are asked for once more
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def window(first: date, end: date) -> tuple[datetime, datetime]:
    """From the auction's midnight of one day to that of another, UTC."""
    from datetime import UTC

    midnights = (datetime.combine(day, time(), AUCTION_ZONE) for day in (first, end))
    start, stop = (midnight.astimezone(UTC) for midnight in midnights)
    return start, stop


def import_prices(job: Job) -> Outcome:
    """The job function: today's and tomorrow's prices of the zones that are configured.

    JobError with a sentence where no zone has an answer; others are stored all the same.
    """
    now = timing.server_now().astimezone(AUCTION_ZONE)
    if now.time() < PUBLISHED:
        return Outcome(result={"waits": f"for the publication at {PUBLISHED:%H:%M}"})
    provider = PROVIDERS.named()
    zones = [str(zone) for zone in current_app.config[ZONES]]
    start, end = window(now.date(), now.date() + 2 * DAY)
    wanted = [zone for zone in zones if now.hour == CORRECTIONS or not _is_known(zone, end)]
    db.session.commit()
    found: dict[str, Sequence[Prices]] = {}
    expected: dict[str, Sequence[ZoneForecast]] = {}
    missing: list[str] = []
    for zone in wanted:
        try:
            found[zone] = provider.day_ahead_prices(zone, start, end)
        except (ServiceUnavailable, InputError) as error:
            missing.append(f"{zone}: {error}")
            continue
        with suppress(ServiceUnavailable, InputError):  # prices are worth storing without them
            expected[zone] = provider.zone_forecasts(zone, start, end)
    if wanted and len(missing) == len(wanted):
        again = timing.iso_time(timing.floor_time(timing.server_now(), HOUR) + HOUR)
        raise JobError(f"No prices. {' '.join(missing)} They are asked for again at {again}.")

    def store_all(job: Job) -> None:
        values = 0
        for zone, prices in found.items():
            if prices:
                market = market_of(db.session, zone, prices)
                values += store(market, provider, prices)
                store_forecasts(db.session, market, zone, provider, expected.get(zone, ()))
        job.result = {"zones": len(found), "values": values} | ({"missing": missing} if missing else {})

    return Outcome(store=store_all, algorithm=provider.name)


def _is_known(zone: str, until: datetime) -> bool:
    """Whether prices are there until a moment."""
    from flexmeasures.beliefs import extent

    market = db.session.scalar(select(Market).where(Market.name == market_name(zone)))
    known = None if market is None else extent(market)
    return known is not None and known[1] >= until
