"""What the demo does, step by step."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

import flexmeasures_master_data as master_data
from flexmeasures import timing
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models.sensors import Sensor
from flexmeasures_demo import folder, incoming, local_services, portfolio, report
from flexmeasures_demo.client import Client
from flexmeasures_demo.portfolio import EVALUATED, FORECAST_HORIZONS, PRESENT, Portfolio
from flexmeasures_demo.progress import Steps

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures_forecasting import Accuracy

EVENT_ID = 1
WORKERS = 2
# Whatever the surroundings say, the demo runs on its own SQLite and its own queue, and as an ordinary server.
SETTINGS: dict[str, Any] = {
    "DEBUG": False,
    "FLEXMEASURES_JOBS": "",
    "FLEXMEASURES_MODE": "",
    "FLEXMEASURES_PROFILE_REQUESTS": False,
    "FLEXMEASURES_TIMEZONE": "Europe/Berlin",  # the market's; the documented default is Seoul
    "LOGGING_LEVEL": logging.INFO,
    "SQLALCHEMY_DATABASE_URI": None,
    "SQLALCHEMY_ENGINE_OPTIONS": {},
    "SQLALCHEMY_ENGINES": {},
}
FOREIGN = ("SQLALCHEMY_", "FLEXMEASURES_REDIS_", "FLEXMEASURES_INSTANCE", "FLEXMEASURES_ENV", "FLASK_ENV")


def run(given: Path | None, *, serve: bool, as_json: bool, port: int) -> int:
    """The whole demo; returns the exit code. Raises FlexMeasuresError when something goes wrong."""
    console = Console(stderr=True)
    steps = Steps(console)
    _leave_surroundings()
    signal.signal(signal.SIGTERM, _end)
    with folder.fresh(given) as instance, timing.clock(_present()), local_services.serving() as services:
        console.print(f"Instance: {instance}", soft_wrap=True)
        app = _make_app(steps, instance, SETTINGS | incoming.settings(services))
        made = _make_portfolio(steps, app)
        _print_logins(console, made)
        with _served(steps, app, port) as address:
            notes = _forecast(steps, app, made)
            accuracies = _compare(steps, app, made)
            with steps.step("ask for schedules through the API"):
                client = Client(address, made.prosumer.email, made.prosumer.password)
                events = _post_requests(client, made)
            with steps.step("read the schedules back"):
                answers = {name: client.device_message(event, "PT48H") for name, event in events.items()}
            with app.app_context():
                with steps.step("wait for weather and prices that come in by themselves"):
                    brought = incoming.wait_for_both()
                result = report.collect(steps.seconds, accuracies, made, EVENT_ID, answers)
                result["incoming"] = brought
            report.write(result, notes, as_json=as_json)
            if serve:
                _wait(console, address, made)
    return 0


def _leave_surroundings() -> None:
    for name in list(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]


def _present() -> Any:
    """The demo's clock: it starts at the present of the data and goes on."""
    started = datetime.now(UTC)
    return lambda: PRESENT + (datetime.now(UTC) - started)


def _end(*_: object) -> NoReturn:
    raise SystemExit(128 + signal.SIGTERM)


def _make_app(steps: Steps, instance: Path, settings: dict[str, Any]) -> Flask:
    with steps.step("make the database"):
        from flexmeasures import db as the_db
        from flexmeasures.app import create
        from flexmeasures.runtime import runtime

        app = create("development", instance=instance, settings=settings)
        with app.app_context():
            the_db.upgrade(db.engine, the_db.branches(runtime().plugins))
    return app


def _make_portfolio(steps: Steps, app: Flask) -> Portfolio:
    from flexmeasures.runtime import runtime

    with app.app_context():
        with steps.step("make users, market, sensors"), writing() as session:
            master_data.seed(session)
            runtime().ask("register_seeds", session=session)
            made = portfolio.make()
        with steps.step("load measurements and prices"):
            portfolio.load_data(made)
        db.session.commit()
    return made


def _print_logins(console: Console, made: Portfolio) -> None:
    for login in made.logins:
        console.print(f"{login.role}: {login.email}, password {login.password}", highlight=False)


@contextmanager
def _served(steps: Steps, app: Flask, port: int) -> Iterator[str]:
    """Worker processes and the web server, from here on; gives the server's address."""
    from waitress.server import create_server

    from flexmeasures.server import Workers

    with steps.step("start workers and server"):
        workers = Workers(app, WORKERS)
        workers.start()  # before the server's threads, because it forks
        try:
            server = create_server(app, host="127.0.0.1", port=port, threads=4)
        except OSError as error:
            workers.stop()
            raise InputError(
                f"Port {port} cannot be used: {error.strerror}.", "port", "a free port"
            ) from None
        closing = threading.Event()
        threading.Thread(target=_serve, args=(server, closing), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        closing.set()
        server.close()
        workers.stop()


def _serve(server: Any, closing: threading.Event) -> None:
    try:
        server.run()
    except OSError:
        if not closing.is_set():  # else the sockets were closed while it waited for them, as they should be
            raise


def _forecast(steps: Steps, app: Flask, made: Portfolio) -> list[str]:
    """Forecast a past week and what lies ahead, each event as known then; returns remarks."""
    from flexmeasures_forecasting import forecast_past

    notes = []
    for of in made.measured:
        if of.kind:
            with steps.step(f"forecast {of.kind}") as step, app.app_context():
                summaries = forecast_past(
                    db.session.get_one(Sensor, of.sensor.id),
                    PRESENT - EVALUATED,
                    PRESENT + max(FORECAST_HORIZONS),
                    FORECAST_HORIZONS,
                    progress=step.advance,
                )
            notes += [
                f"{of.kind}, {summary.horizon}: {summary.note}" for summary in summaries if summary.note
            ]
    return notes


def _compare(steps: Steps, app: Flask, made: Portfolio) -> list[report.Row]:
    from flexmeasures_forecasting import accuracy_of

    rows: list[tuple[portfolio.Measured, Any, Accuracy]] = []
    with steps.step("compare forecasts with measurements"), app.app_context():
        for of in made.measured:
            for horizon in FORECAST_HORIZONS if of.kind else ():
                sensor = db.session.get_one(Sensor, of.sensor.id)
                rows.append((of, horizon, accuracy_of(sensor, PRESENT - EVALUATED, PRESENT, horizon)))
    return rows


def _post_requests(client: Client, made: Portfolio) -> dict[str, str]:
    """Post every flexibility request; returns the events' addresses by the assets' names."""
    connections = client.connections()
    events = {}
    for request in made.requests:
        address = connections[request.asset.display_name]
        event = f"{address}:{EVENT_ID}:{request.event_type}"
        at = timing.iso_time(PRESENT)
        client.post_udi_event(event, request.soc_in_kwh, at, portfolio.targets_message(request))
        events[request.asset.name] = event
    return events


def _wait(console: Console, address: str, made: Portfolio) -> None:
    """Serve until Ctrl-C."""
    console.print(
        f"\nLook at it: {address} (Ctrl-C stops it)\n"
        f"Log in as {made.prosumer.email}, password {made.prosumer.password}",
        highlight=False,
        soft_wrap=True,
    )
    try:
        while True:  # not signal.pause(): a signal just before it, or taken by another thread, would be lost
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping.")
