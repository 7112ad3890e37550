"""The plugin of docs/howto/devices.md reads a device that is there, and says so when it is not."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flexmeasures import testing

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "devices.md"


class Meter(BaseHTTPRequestHandler):
    """A meter that consumes 850 kW."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"time": "2026-03-01T10:07:00Z", "power_in_kw": 850}')

    def log_message(self, *_: Any) -> None:
        """Nothing is told of requests."""


@pytest.fixture
def meter() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Meter)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_the_device_of_the_guide_is_read_by_a_job(meter: str, tmp_path: Path) -> None:
    from sqlalchemy import select

    from flexmeasures import jobs
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset, Job, SensorType

    (tmp_path / "meter").mkdir()
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    (tmp_path / "meter" / "__init__.py").write_text(code)
    settings = {"FLEXMEASURES_PLUGIN_PATHS": [str(tmp_path / "meter")], "METER_ASSET": "house"}
    app = testing.make_app(tmp_path / "instance", METER_URL=meter, **settings)
    quarter, start = timedelta(minutes=15), datetime(2026, 3, 1, 10, tzinfo=UTC)

    def run_job() -> Job:
        with writing():
            jobs.enqueue("read meter", {}, queue="meter")
        return db.session.scalars(select(Job).order_by(Job.id.desc())).first()  # type: ignore[return-value]

    with app.app_context():
        testing.seed_structure()
        with writing() as session:
            kind = session.scalar(select(SensorType).where(SensorType.name == "building"))
            session.add(
                Asset(name="house", display_name="house", unit="MW", event_resolution=quarter, type=kind)
            )
        assert "read meter" in app.extensions["flexmeasures"].recurring_jobs
        job = run_job()
        assert (job.state, job.result) == ("finished", {"at": "2026-03-01T10:07:00Z", "new": 1})
        house = db.session.scalars(select(Asset).where(Asset.name == "house")).one()
        assert search_one(house, start, start + quarter).values.tolist() == [0.85]
        app.config["METER_URL"] = "http://127.0.0.1:9"
        job = run_job()
        assert job.state == "failed"
        assert "The meter cannot be read" in (job.error or "")
