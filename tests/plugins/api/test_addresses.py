"""Entity addresses (contract, section 6)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_api.messages import addresses
from flexmeasures_api.messages.status_codes import Refused

NOVEMBER = datetime(2026, 11, 22, tzinfo=UTC)
IDS = st.integers(min_value=0, max_value=addresses.LARGEST_ID)


@pytest.mark.parametrize(
    ("address", "asset_id"),
    [
        ("ea1.2021-02.io.flexmeasures.company:30:73", 73),
        ("ea1.2018-06.localhost:30", 30),
        ("ea1.2018-06.localhost:5000:40:30", 30),  # with a port
        ("ea1.0000-99.any-thing:7", 7),  # neither date nor domain are compared with anything
    ],
)
@pytest.mark.contract("6.1", "6.2", "6.3")
def test_a_connection_gives_its_asset_id(address: str, asset_id: int) -> None:
    assert addresses.connection(address) == asset_id


@pytest.mark.contract("6.1", "6.3")
def test_an_event_gives_asset_event_and_type() -> None:
    expected = addresses.EventAddress(10, 203, "soc-with-targets")
    assert addresses.event("ea1.2018-06.localhost:5000:7:10:203:soc-with-targets") == expected
    assert addresses.event("ea1.2018-06.io.flexmeasures.company:10:203:soc").event_type == "soc"


@pytest.mark.contract("6.4")
def test_a_market_may_have_a_hyphen_and_is_looked_up_in_lower_case() -> None:
    assert addresses.market("ea1.2018-06.localhost:epex_da") == "epex_da"
    assert addresses.market("ea1.2018-06.localhost:dummy-TOU") == "dummy-tou"


def test_a_weather_sensor_gives_type_and_place() -> None:
    place = addresses.weather_sensor("ea1.2018-06.localhost:temperature:-33.4843866:126")
    assert place == addresses.WeatherAddress("temperature", -33.4843866, 126.0)


@pytest.mark.contract("6.4")
def test_what_is_no_address_is_refused_with_the_form_of_its_kind() -> None:
    with pytest.raises(Refused, match=r"Accepted: ea1\.\{YYYY-MM\}\.\{reversed domain\}:market name\.$"):
        addresses.market("epex_da")


@pytest.mark.parametrize(
    ("read", "address", "part"),
    [
        (addresses.connection, "CS 1", "ea1"),
        (addresses.connection, "30:73", "ea1"),
        (addresses.connection, "73", "ea1"),
        (addresses.connection, 73, "text"),
        (addresses.connection, None, "text"),
        (addresses.connection, "EA1.2018-06.localhost:1", "ea1"),
        (addresses.connection, "ea1.localhost:1", "date code"),
        (addresses.connection, "ea1.2018-6.localhost:1", "date code"),
        (addresses.connection, "ea1.2018-06.:1", "domain"),
        (addresses.connection, "ea1.2018-06.local host:1", "domain"),
        (addresses.connection, "ea1.2018-06.localhost", "local part"),
        (addresses.connection, "ea1.2018-06.localhost:x", "local part"),
        (addresses.connection, "ea1.2018-06.localhost:1:", "local part"),
        (addresses.connection, "ea1.2018-06.localhost:" + "9" * 5000, "local part"),
        (addresses.connection, "ea1.2018-06.localhost:1\n", "local part"),
        (addresses.event, "ea1.2018-06.localhost:7:10:203", "local part"),
        (addresses.event, "ea1.2018-06.localhost:7:10:99999999999:soc", "event id"),
        (addresses.market, "ea1.2018-06.localhost:5000:epex_da", "local part"),
        (addresses.market, "ea1.2018-06.localhost:1epex", "local part"),
        (addresses.weather_sensor, "ea1.2018-06.localhost:temperature:x:126", "local part"),
        (addresses.weather_sensor, "ea1.2018-06.localhost:temperature:133:126", "place"),
    ],
)
@pytest.mark.contract("6.4", "5.5")
def test_a_malformed_address_is_an_invalid_domain_that_names_the_part(read, address, part) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Refused) as refusal:
        read(address)
    assert refusal.value.status == "INVALID_DOMAIN"
    assert part in str(refusal.value.message)
    assert "Accepted" in str(refusal.value.message)


@given(owner=st.none() | IDS, asset=IDS, host=st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){0,3}", fullmatch=True))
def test_what_is_built_is_read_again(owner: int | None, asset: int, host: str) -> None:
    built = addresses.build_connection(f"{host}:5000", owner, asset, {host: "2021-01"}, NOVEMBER)
    assert addresses.connection(built) == asset
    assert built.startswith(f"ea1.2021-01.{'.'.join(reversed(host.split('.')))}:")


@given(st.text() | st.integers() | st.none() | st.lists(st.text()))
def test_no_input_makes_a_reader_fail_otherwise_than_by_refusing(anything: object) -> None:
    for read in (addresses.connection, addresses.event, addresses.market, addresses.weather_sensor):
        with pytest.raises(Refused) as refusal:
            read(anything)
        assert refusal.value.status == "INVALID_DOMAIN"


@given(st.text(alphabet="ea1.-0123456789:soc ", max_size=40))
def test_what_looks_like_an_address_is_read_or_refused(tail: str) -> None:
    try:
        outcome = "an id" if addresses.connection(f"ea1.2018-06.{tail}") >= 0 else "below zero"
    except Refused as refusal:
        outcome = refusal.status
    assert outcome in ("an id", "INVALID_DOMAIN")


@pytest.mark.parametrize(
    ("host", "now", "address"),
    [
        ("localhost:5000", NOVEMBER, "ea1.2026-12.localhost:30:73"),
        ("127.0.0.1", datetime(2026, 12, 31, tzinfo=UTC), "ea1.2027-01.1.0.0.127:30:73"),
        ("test.flexmeasures.co.uk", NOVEMBER, "ea1.2021-01.uk.co.flexmeasures.test:30:73"),
        ("elsewhere.org", NOVEMBER, "ea1.2026-12.org.elsewhere:30:73"),
        ("wrong.org", NOVEMBER, "ea1.2026-12.org.wrong:30:73"),
    ],
)
@pytest.mark.contract("6.6")
def test_building_reverses_the_host_and_takes_its_configured_month(
    host: str, now: datetime, address: str
) -> None:
    configured = {"test.flexmeasures.co.uk": "2021-01", "wrong.org": "2021-13"}
    assert addresses.build_connection(host, 30, 73, configured, now) == address


def test_an_asset_without_owner_has_an_address_too() -> None:
    assert addresses.build_connection("localhost", None, 73, {}, NOVEMBER) == "ea1.2026-12.localhost:73"
