"""The contracts of algorithms (numbers in, numbers out), their registry, and the choice of one for a sensor.

A plugin brings a Scheduler or a Forecaster by its hook register_schedulers or register_forecasters. The
kernel fills a problem with everything that was known, calls the algorithm outside of any transaction, and
stores its answer. Nothing else may be read unless through `problem.read`, which is checked and written down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from flexmeasures.errors import AlgorithmError, NameTaken, UnknownAlgorithm
from flexmeasures.flexibility import Flexibility
from flexmeasures.timeseries import TimeSeries

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

Reader = Callable[..., TimeSeries]

TARGET_KINDS = ("exact", "minimum", "maximum")


@dataclass(frozen=True, kw_only=True)
class SensorFacts:
    """What an algorithm may know of a sensor: plain values, no database behind them.

    type: name of the sensor type (battery, solar, day_ahead ...); kind: asset, market or weather_sensor.
    capacity_in_mw: the largest power in MW; min_soc_in_mwh, max_soc_in_mwh: limits of the state of charge
    in MWh, None if not stated. seasonality: any of "daily", "weekly", "yearly".
    """

    id: int
    name: str
    kind: str
    type: str
    unit: str
    resolution: timedelta
    timezone: str = "UTC"
    latitude: float | None = None
    longitude: float | None = None
    is_consumer: bool = False
    is_producer: bool = False
    seasonality: frozenset[str] = frozenset()
    capacity_in_mw: float | None = None
    min_soc_in_mwh: float | None = None
    max_soc_in_mwh: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Status(Enum):
    """How a solve ended. Only OPTIMAL and RELAXED schedules are stored; the others fail the job with a reason.

    RELAXED: the user's inputs conflict, and the schedule comes as near to them as it can, as was asked for.
    """

    OPTIMAL = "optimal"
    RELAXED = "relaxed"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    NOT_SOLVED = "not solved"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A state of charge in MWh that the user wants at a time (applied at the slot end not after it).

    kind: one of TARGET_KINDS; of a minimum more will do as well, of a maximum less.
    """

    value: float
    datetime: datetime
    kind: str = "exact"


@dataclass(frozen=True, kw_only=True)
class SchedulingProblem:
    """All that a scheduler needs to know about one asset and one window.

    asset: whose power is planned. start: start of the first slot, UTC. resolution: length of a slot. prices:
    shape (n,), in price_unit (EUR/MWh or KRW/kWh: the scheduler converts), one a slot, none unknown;
    consumption pays them, and production earns the same unless production_prices are given. co2_prices: of
    the CO2 of each MWh, in price_unit, None for none; flexibility has their weight. demand: MW that leave the store
    by themselves (heat taken from a buffer), None for none. soc_at_start: MWh at
    `start`. targets: inside the window, in order of time. prefer_charging_sooner: of plans of equal cost and equal
    throughput, the one that charges sooner and discharges later (D14). flexibility: what else is asked. read: gives
    the beliefs of another sensor as known at belief_time, within the owner's rights.
    """

    asset: SensorFacts
    start: datetime
    resolution: timedelta
    prices: Floats
    price_unit: str
    soc_at_start: float
    production_prices: Floats | None = None
    co2_prices: Floats | None = None
    demand: Floats | None = None
    targets: tuple[Target, ...] = ()
    prefer_charging_sooner: bool = True
    flexibility: Flexibility = field(default_factory=Flexibility)
    belief_time: datetime | None = None
    read: Reader | None = None

    @property
    def end(self) -> datetime:
        """End of the last slot."""
        return self.start + len(self.prices) * self.resolution


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """The grid connection of a site, MW, consumption positive.

    base: what inflexible assets are expected to take, shape (n,). consumption_limit, production_limit: of the
    sum of all assets, both not negative. production_prices: what net production earns, shape (n,), in the price_unit
    of the problems, None for what consumption costs. peak_price_per_mw: money for each MW by which the highest net
    consumption is above peak_so_far_in_mw. relax: where inputs conflict, plan as near to the targets as can be.
    """

    base: Floats
    consumption_limit: float
    production_limit: float
    production_prices: Floats | None = None
    peak_price_per_mw: float = 0.0
    peak_so_far_in_mw: float = 0.0
    relax: bool = False


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A limit or target that keeps a schedule from being cheaper.

    limit: the field; words: what it says, for users; value: in unit (MW or MWh). slots: by the number of each
    slot where it binds, the money by which the objective would rise if it rose by 1 in that slot alone (negative:
    fall); shadow_price: the same if it rose in all of them.
    """

    limit: str
    words: str
    value: float
    unit: str
    slots: Mapping[int, float]

    @property
    def shadow_price(self) -> float:
        """Money per MW or MWh."""
        return sum(self.slots.values())


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a schedule looks as it does; arrays of shape (n,), money in each slot.

    cost_slots, baseline_cost_slots: by component, as the costs that they sum to. preference: what the preference
    for sooner adds to the objective, which is no cost (None where it only chooses among plans of equal cost).
    binding: the limits that bind.
    """

    cost_slots: Mapping[str, Floats] = field(default_factory=dict)
    baseline_cost_slots: Mapping[str, Floats] = field(default_factory=dict)
    preference: Floats | None = None
    binding: tuple[Binding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A scheduler's answer for the window of its problem.

    values: MW a slot, shape (n,), consumption positive. soc: MWh at the end of each slot, shape (n,).
    costs: money by component, in the currency of the prices; they sum to the cost of the plan (the
    preference for sooner is no cost). baseline, baseline_costs: the same without flexibility. objective:
    what was minimised, in money, with what is added for sooner. conflicts: a minimal set of the user's own inputs that
    conflict, in words, when infeasible; advice: sentences about what would do instead. warnings: what the
    user should know. explanation: why the schedule looks as it does, if the scheduler tells.
    """

    status: Status
    values: Floats
    soc: Floats
    baseline: Floats
    costs: Mapping[str, float] = field(default_factory=dict)
    baseline_costs: Mapping[str, float] = field(default_factory=dict)
    objective: float = 0.0
    conflicts: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    explanation: Explanation = field(default_factory=Explanation)

    @classmethod
    def infeasible(cls, baseline: Floats, **why: Any) -> Schedule:
        """No schedule, and why there is none (other fields): its values are NaN, so that nobody takes it for one."""
        import numpy as np

        unknown = np.full(len(baseline), np.nan)
        return cls(
            status=Status.INFEASIBLE,
            values=unknown,
            soc=unknown,
            baseline=baseline,
            objective=float("nan"),
            **why,
        )


@dataclass(frozen=True, kw_only=True)
class SitePlan:
    """A scheduler's answer for the assets of a site.

    schedules: one an asset, in their order. costs, baseline_costs: of the connection itself, money by component
    (production: what net production earns less than consumption costs; peak), beside those of the schedules. binding:
    the limits of the connection that bind, which the explanations of the schedules tell as well. warnings: what the
    user should know of the whole.
    """

    schedules: tuple[Schedule, ...]
    costs: Mapping[str, float] = field(default_factory=dict)
    baseline_costs: Mapping[str, float] = field(default_factory=dict)
    binding: tuple[Binding, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Regressor:
    """Weather (or another outside series) that may explain a sensor.

    type: weather sensor type (radiation is in W/m2, whatever its sensor's unit), or a name of its own. history:
    values as measured, on the problem's resolution, up to known_until. forecasts: newest belief for each slot among
    those recorded at least the horizon before it, by horizon; the slots of a problem's history and of its targets;
    NaN where there is none.
    """

    type: str
    history: TimeSeries
    forecasts: Mapping[timedelta, TimeSeries] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForecastingProblem:
    """What was known about one sensor at one moment, and what is asked.

    known_until: everything in here was known at that time (UTC), nothing else is. history: outcomes on
    the sensor's resolution, the newest belief a slot, NaN where unknown, last slot ending at or before
    known_until (a market's also later, as far as prices were published by then). targets: by horizon, the
    start of the first event and the number of events that are asked. The forecast of an event for a horizon
    may use only outcomes of slots that end at least the horizon before the event's end (so that several
    events can share one problem). quantiles: probabilities for which quantiles are wished for.
    """

    sensor: SensorFacts
    known_until: datetime
    history: TimeSeries
    targets: Mapping[timedelta, tuple[datetime, int]]
    regressors: tuple[Regressor, ...] = ()
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    read: Reader | None = None


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """A forecaster's answer for one horizon: values of events from `start`, NaN where it has none.

    quantiles: by probability, for each event the value below which the outcome stays that often, shape of
    the series, NaN where unknown; {} from a forecaster that does not tell.
    """

    horizon: timedelta
    series: TimeSeries
    quantiles: Mapping[float, Floats] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Scheduler(ABC):
    """Plans the power of one asset. Subclasses are registered by the hook register_schedulers."""

    name: ClassVar[str]
    version: ClassVar[str] = "1"

    @classmethod
    @abstractmethod
    def accepts(cls, asset: SensorFacts) -> bool:
        """Whether this scheduler can plan for that asset."""

    @classmethod  # noqa: B027 (most schedulers have nothing to do here)
    def warm(cls) -> None:
        """Called once before workers start: import what is heavy, so that the first job need not."""

    @abstractmethod
    def compute(self, problem: SchedulingProblem) -> Schedule:
        """Plan. Raises AlgorithmError with a text for users when it cannot."""

    def compute_site(self, problems: Sequence[SchedulingProblem], connection: Connection) -> SitePlan:
        """Plan several assets of the same window so that their sum keeps to their connection, in their order."""
        raise AlgorithmError(f"The scheduler {self.name} does not plan the assets of a site together.")


class Forecaster(ABC):
    """Forecasts one sensor. Subclasses are registered by the hook register_forecasters.

    One object serves all problems of a run in order of time, so it may keep what it fitted.
    fallback: name of the forecaster to use when this one raises, None for none. by_itself: whether sensors that it
    accepts get it without a wish for it.
    """

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    fallback: ClassVar[str | None] = None
    by_itself: ClassVar[bool] = True

    @classmethod
    @abstractmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        """Whether this forecaster can forecast that sensor."""

    @classmethod  # noqa: B027 (most forecasters have nothing to do here)
    def warm(cls) -> None:
        """Called once before workers start: import what is heavy, so that the first job need not."""

    @abstractmethod
    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        """Answer every horizon of the problem. Raises AlgorithmError, NotEnoughData above all."""


Algorithm = TypeVar("Algorithm", type[Scheduler], type[Forecaster])


@dataclass(frozen=True)
class Choice(Generic[Algorithm]):
    """The algorithm for a sensor, and why it is that one, in words for users."""

    algorithm: Algorithm
    because: str


class Registry(Generic[Algorithm]):
    """The algorithms of one kind ("scheduler" or "forecaster"), in order of registration."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._by_name: dict[str, Algorithm] = {}

    def add(self, algorithm: Algorithm, replace: bool = False) -> None:
        """Register; NameTaken when the name is given out already and `replace` is not set."""
        taken = self._by_name.get(algorithm.name)
        if taken is not None and not replace:
            raise NameTaken(
                f"The {self.kind} {algorithm.name!r} of {algorithm.__module__} is already brought by"
                f" {taken.__module__}; to replace it, state __replaces__ = ['{self.kind}.{algorithm.name}']."
            )
        self._by_name[algorithm.name] = algorithm

    def discard(self, algorithms: Iterable[Algorithm]) -> None:
        """Take algorithms out again, when the plugin that brought them turns out to be broken."""
        for algorithm in algorithms:
            if self._by_name.get(algorithm.name) is algorithm:
                del self._by_name[algorithm.name]

    def all(self) -> list[Algorithm]:
        """All algorithms, in order of registration."""
        return list(self._by_name.values())

    def names(self) -> list[str]:
        """Names of all algorithms, in order of registration."""
        return list(self._by_name)

    def get(self, name: str) -> Algorithm:
        """The algorithm of that name; UnknownAlgorithm, naming the installed ones, when there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            installed = ", ".join(self._by_name) or "none"
            raise UnknownAlgorithm(
                f"No {self.kind} {name!r} is installed (installed: {installed})."
            ) from None

    def by_themselves(self, sensor: SensorFacts) -> Iterator[Algorithm]:
        """Those that a sensor may get without a wish, in order of registration."""
        for algorithm in self._by_name.values():
            if getattr(algorithm, "by_itself", True) and algorithm.accepts(sensor):
                yield algorithm

    def _wished(self, name: str, because: str) -> Algorithm:
        try:
            return self.get(name)
        except UnknownAlgorithm as error:
            raise UnknownAlgorithm(f"{error} It is asked for by {because}.") from None

    def choose(self, sensor: SensorFacts, wishes: Iterable[tuple[str | None, str]]) -> Choice[Algorithm]:
        """First wish that names an algorithm, else the first registered that accepts the sensor.

        wishes: pairs of (name or None, because), the strongest first; a name that is not installed raises
        UnknownAlgorithm, never falls through.
        """
        for name, because in wishes:
            if name is not None:
                return Choice(self._wished(name, because), because)
        for algorithm in self.by_themselves(sensor):
            because = f"first {self.kind} that accepts the {sensor.kind} type {sensor.type}"
            return Choice(algorithm, because)
        raise UnknownAlgorithm(f"No installed {self.kind} accepts the type {sensor.type} of {sensor.name!r}.")
