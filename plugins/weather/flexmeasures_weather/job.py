"""Once an hour: the newest forecasts of the places that are configured."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app

from flexmeasures import timing
from flexmeasures.db import db
from flexmeasures.errors import JobError
from flexmeasures.jobs import Outcome
from flexmeasures.models import Job
from flexmeasures_weather.grid import places_of
from flexmeasures_weather.importing import as_result, fetch, store
from flexmeasures_weather.providers import PROVIDERS
from flexmeasures_web_services import ServiceUnavailable

EVERY = timedelta(hours=1)
PLACES = "FLEXMEASURES_WEATHER_PLACES"


def import_weather(job: Job) -> Outcome:
    """The job function. JobError with a sentence where no place has a forecast; others are stored all the same."""
    provider = PROVIDERS.named()
    places = [place for text in current_app.config[PLACES] for place in places_of(str(text))]
    db.session.commit()
    next_time = timing.floor_time(timing.server_now(), EVERY) + EVERY
    try:
        found, missing = fetch(provider, places, at_most=current_app.config["FLEXMEASURES_JOB_TIMEOUT"] / 2)
    except ServiceUnavailable as error:
        raise JobError(f"{error} The next import is at {timing.iso_time(next_time)}.") from None
    if not found and missing:
        raise JobError(
            f"No weather: {'; '.join(missing)}. The next import is at {timing.iso_time(next_time)}."
        )
    stored = {"values": 0}

    def store_all(job: Job) -> None:
        stored["values"] = store(db.session, provider, found)
        job.result = as_result(found, stored["values"], missing)

    return Outcome(store=store_all, algorithm=provider.name)
