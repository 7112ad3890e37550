"""Sites: assets of one owner behind one grid connection, planned together so that their sum keeps to its limits.

A site is a sensor of the kind `site`; its attributes say which assets are flexible, which are not (their newest
forecasts or measurements count as they are), and the limits of consumption and production in MW.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import select

from flexmeasures import beliefs, jobs
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError, InputError, UnknownPrices
from flexmeasures.jobs import Outcome
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Asset, Market, Site
from flexmeasures.models.users import User
from flexmeasures.timing import floor_time, iso_duration, iso_time, parse_time
from flexmeasures_algorithms import Choice, choose
from flexmeasures_scheduling.base import Connection, Scheduler, SchedulingProblem, Target
from flexmeasures_scheduling.flexibility import ATTRIBUTE, SITE_KEYS, Flexibility, read_flexibility
from flexmeasures_scheduling.price_slope import prices_per_mwh
from flexmeasures_scheduling.prices import covering, prices_of
from flexmeasures_scheduling.problem_builder import BuiltProblem, build_problem, stated_target, stated_targets
from flexmeasures_scheduling.references import check_flexibility
from flexmeasures_scheduling.solving import solve_site
from flexmeasures_scheduling.storing import Plan, limits_as_dicts, save_schedule
from flexmeasures_scheduling.triggering import QUEUE, record_state

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

SITE_FUNCTION = "schedule_site"


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of one flexible asset of a site: MWh at the time of the event, and targets after it."""

    soc_in_mwh: float
    targets: Sequence[Target] = ()


def create_site(
    name: str,
    owner: User,
    assets: Sequence[Asset],
    consumption_limit_in_mw: float,
    production_limit_in_mw: float,
    inflexible: Sequence[Asset] = (),
    flexibility: Mapping[str, Any] | None = None,
) -> Site:
    """A new site; InputError naming what does not fit. Joins `with db.writing():`.

    flexibility: what it asks of all its schedules, by SITE_KEYS.
    """
    _check_name(name)
    asked = read_flexibility(flexibility or {}, accepted=SITE_KEYS).asked
    connection = _connected(owner, assets, inflexible, consumption_limit_in_mw, production_limit_in_mw)
    check_flexibility(asked, owner, assets[0].market)
    site = Site(
        name=name,
        display_name=name,
        unit="MW",
        event_resolution=assets[0].event_resolution,
        owner_id=owner.id,
        attributes=connection | ({ATTRIBUTE: asked} if asked else {}),
    )
    db.session.add(site)
    db.session.flush()
    return site


def change_site(
    site: Site,
    name: str,
    assets: Sequence[Asset],
    consumption_limit_in_mw: float,
    production_limit_in_mw: float,
    inflexible: Sequence[Asset] = (),
) -> None:
    """Give a site another name, other assets of its owner, or other limits; InputError naming what does not fit.

    What it asks of its schedules stays. Joins `with db.writing():`.
    """
    if name != site.name:
        _check_name(name)
    if site.owner is None:
        raise InputError(f"Site {site.id} is nobody's.", "owner", "a site with an owner")
    connection = _connected(site.owner, assets, inflexible, consumption_limit_in_mw, production_limit_in_mw)
    asked = (site.attributes or {}).get(ATTRIBUTE) or {}
    check_flexibility(asked, site.owner, assets[0].market)
    site.name = site.display_name = name
    site.event_resolution = assets[0].event_resolution
    site.attributes = connection | ({ATTRIBUTE: asked} if asked else {})
    db.session.flush()


def _check_name(name: str) -> None:
    if not name or db.session.scalar(select(Site.id).where(Site.name == name)) is not None:
        what = f"There is a site {name!r} already." if name else "The site has no name."
        raise InputError(what, "name", "a name that no other site has")


def _connected(
    owner: User,
    assets: Sequence[Asset],
    inflexible: Sequence[Asset],
    consumption_limit_in_mw: float,
    production_limit_in_mw: float,
) -> dict[str, Any]:
    """What a site keeps of its connection; InputError for assets that cannot be together and for bad limits."""
    limits = {
        "consumption_limit_in_mw": consumption_limit_in_mw,
        "production_limit_in_mw": production_limit_in_mw,
    }
    for field, limit in limits.items():
        if not 0 <= limit < float("inf"):
            raise InputError(f"{field} is {limit}.", field, "a number of MW, not negative")
    if not assets:
        raise InputError("A site needs assets.", "assets", "at least one flexible asset")
    for asset in (*assets, *inflexible):
        if asset.owner_id != owner.id:
            raise InputError(f"Asset {asset.id} is not of owner {owner.id}.", "assets", "assets of the owner")
    if any(each.event_resolution != assets[0].event_resolution for each in assets):
        raise InputError("The assets have slots of different lengths.", "assets", "assets of one resolution")
    flexible, others = ([each.id for each in group] for group in (assets, inflexible))
    return {"assets": flexible, "inflexible": others, **limits}


def change_flexibility(site: Site, wishes: Mapping[str, Any]) -> None:
    """Let a site ask this of all its schedules, by SITE_KEYS (None: no more); joins `with db.writing():`.

    InputError naming the key that is not accepted.
    """
    asked = read_flexibility(wishes, accepted=SITE_KEYS).asked
    check_site_flexibility(site, asked)
    with writing():
        others = {name: value for name, value in site.attributes.items() if name != ATTRIBUTE}
        site.attributes = others | ({ATTRIBUTE: asked} if asked else {})


def check_site_flexibility(site: Site, wishes: Mapping[str, Any]) -> None:
    """InputError naming a wish about a sensor that the site's owner may not read."""
    first = db.session.get(Asset, site.attributes["assets"][0])
    check_flexibility(wishes, site.owner, None if first is None else first.market)


def trigger_site(
    site: Site,
    event_id: int,
    at: datetime,
    states: Mapping[int, State],
    wishes: Mapping[str, Any] | None = None,
) -> Job:
    """Note the states of all flexible assets of a site, and ask for their schedules; joins `with db.writing():`.

    states: by id of the asset. wishes: what else is asked of these schedules, by SITE_KEYS. InputError when a state
    is missing or is of no asset of the site, or a wish is not understood.
    """
    check_site_flexibility(site, read_flexibility(wishes or {}, accepted=SITE_KEYS).asked)
    wanted = site.attributes["assets"]
    if wrong := sorted(set(wanted) ^ set(states)):
        accepted = f"one for each of the assets {', '.join(map(str, wanted))}"
        raise InputError(f"The states do not fit asset {wrong[0]}.", "states", accepted)
    with writing():
        for asset in _assets(wanted):
            if asset.owner_id != site.owner_id:
                text = f"Asset {asset.id} is not of the owner of site {site.name} any more."
                raise InputError(text, "states", "events of a site whose assets are all of its owner")
            record_state(asset, event_id, states[asset.id].soc_in_mwh, at)
        stated = {
            str(asset_id): {
                "soc_in_mwh": state.soc_in_mwh,
                "targets": [stated_target(target) for target in state.targets],
            }
            for asset_id, state in states.items()
        }
        arguments = {
            "datetime": iso_time(at),
            "states": stated,
            **({ATTRIBUTE: dict(wishes)} if wishes else {}),
        }
        return jobs.enqueue(SITE_FUNCTION, arguments, queue=QUEUE, sensor_id=site.id, event_id=event_id)


def _assets(ids: Sequence[int]) -> list[Asset]:
    found = [db.session.get(Asset, each) for each in ids]
    if None in found:
        raise AlgorithmError("An asset of the site does not exist any more.")
    return [each for each in found if each is not None]


def schedule_site(job: Job) -> Outcome:
    """The job function "schedule_site": plan all flexible assets of a site together, from an event on.

    Arguments: datetime (ISO 8601), states {asset id: {soc_in_mwh, targets}}, flexibility (its SITE_KEYS). Raises
    AlgorithmError with the reason for users.
    """
    site = db.session.get(Site, job.sensor_id) if job.sensor_id is not None else None
    if site is None:
        raise AlgorithmError("The site does not exist any more.")
    at = parse_time(job.arguments.get("datetime")).astimezone(UTC)
    horizon: timedelta = current_app.config["FLEXMEASURES_PLANNING_HORIZON"]
    assets = _assets(site.attributes["assets"])
    choice: Choice[type[Scheduler]] = choose("scheduler", assets[0])
    states = job.arguments["states"]
    # All plan the same time: as far as the last target of any of them.
    last = [target.datetime for state in states.values() for target in stated_targets(state)]
    questions = [build_problem(asset, states[str(asset.id)], at, horizon, needed=last) for asset in assets]
    connection, warnings = _connection(site, assets[0], questions, _asked(site, job.arguments), last)
    answer = solve_site(choice.algorithm, [each.problem for each in questions], connection)
    warnings += answer.warnings
    plans = []
    for asset, question, schedule in zip(assets, questions, answer.schedules, strict=True):
        plans.append(
            Plan(
                asset=asset,
                scheduler=choice.algorithm,
                because=f"site {site.name}: {choice.because}"[:255],
                problem=question.problem,
                schedule=schedule,
                belief_time=at,
                warnings=[*question.warnings, *warnings, *schedule.warnings],
                inputs=question.inputs | {"site": site.id},
            )
        )
    window = questions[0].problem
    return Outcome(
        store=partial(_store, plans),
        result={
            "start": iso_time(window.start),
            "duration": iso_duration(window.end - window.start),
            "costs": {str(plan.asset.id): dict(plan.schedule.costs) for plan in plans},
            "connection": {
                "costs": dict(answer.costs),
                "baseline_costs": dict(answer.baseline_costs),
                "binding": limits_as_dicts(answer.binding, questions[0].problem),
            },
            "warnings": warnings,
        },
        algorithm=choice.algorithm.name,
        because=choice.because,
        inputs={
            "base": connection.base.tolist(),
            "consumption_limit_in_mw": connection.consumption_limit,
            "production_limit_in_mw": connection.production_limit,
            ATTRIBUTE: _asked(site, job.arguments).asked,
        },
    )


def _asked(site: Site, arguments: Mapping[str, Any]) -> Flexibility:
    """What the settings, the site's attributes and the event ask, the last wins; AlgorithmError naming a bad one."""
    defaults = {"relax": current_app.config["FLEXMEASURES_RELAX_TARGETS"]}
    layers = (defaults, site.attributes.get(ATTRIBUTE) or {}, arguments.get(ATTRIBUTE) or {})
    try:
        return read_flexibility(*layers, accepted=SITE_KEYS)
    except InputError as error:
        raise AlgorithmError(f"The flexibility of site {site.name} is not understood: {error}") from None


def _store(plans: Sequence[Plan], job: Job) -> None:
    for plan in plans:
        save_schedule(plan, job)


def _connection(
    site: Site,
    asset: Asset,
    questions: Sequence[BuiltProblem],
    asked: Flexibility,
    needed: Sequence[datetime],
) -> tuple[Connection, list[str]]:
    """The connection with what inflexible assets are expected to take; warnings where that is not known.

    needed: times that the plan has to reach.
    """
    import numpy as np

    window = questions[0].problem
    if any((each.problem.start, each.problem.end) != (window.start, window.end) for each in questions):
        raise AlgorithmError("The prices of the site's assets are not known for the same time.")
    base, warnings = np.zeros(len(window.prices)), []
    for other in _assets(site.attributes["inflexible"]):
        series = beliefs.search_one(other, window.start, window.end, resolution=window.resolution)
        expected = series.values[: len(base)]
        if (missing := int(np.isnan(expected).sum())) > 0:
            warnings.append(
                f"The power of asset {other.name} is not known for {missing} slots: 0 is assumed."
            )
        base += np.nan_to_num(expected)
    earned, told = _production_prices(asset, window, asked, needed)
    return Connection(
        base=base,
        consumption_limit=float(site.attributes["consumption_limit_in_mw"]),
        production_limit=float(site.attributes["production_limit_in_mw"]),
        production_prices=earned,
        peak_price_per_mw=asked.peak_price_per_mw,
        peak_so_far_in_mw=asked.peak_so_far_in_mw,
        relax=asked.relax,
    ), [*warnings, *told]


def _production_prices(
    asset: Asset, window: SchedulingProblem, asked: Flexibility, needed: Sequence[datetime]
) -> tuple[Floats | None, list[str]]:
    """What net production of the site earns in each slot, in the unit of its assets' prices; None if not stated.

    Beside it what is assumed, where these prices are not known until the times that are needed.
    """
    import numpy as np

    if asked.production_market_id is None:
        constant = asked.production_price_per_mwh
        per_mwh = prices_per_mwh(window, np.ones(1))[0]
        return None if constant is None else np.full(len(window.prices), constant / per_mwh), []
    market = db.session.get(Market, asked.production_market_id)
    if market is None or market.unit != window.price_unit:
        what = "which does not exist" if market is None else f"whose unit is {market.unit}"
        raise AlgorithmError(
            f"production_market_id of the site is market {asked.production_market_id}, {what}."
            f" Accepted: a market in {window.price_unit}."
        )
    known = prices_of(market, asset, window.start, window.end)
    reached = [floor_time(each, window.resolution) for each in needed]
    found = covering(known, market, window.start, [each for each in reached if each <= window.end], None)
    if (found.series.start, found.series.end) != (window.start, window.end):
        raise UnknownPrices(
            f"Prices unknown: of market {market.name} (production_market_id of the site) they are known from"
            f" {iso_time(known.start)} until {iso_time(known.end)} only."
        )
    return found.series.values, list(found.told())
