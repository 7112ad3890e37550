"""What a scheduler is asked and what it answers: numbers in, numbers out.

The problem holds everything that was known. The scheduler is called outside of any transaction, and its answer is
verified and stored. Nothing else may be read unless through `problem.read`, which is checked and written down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduling.flexibility import Flexibility

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
from flexmeasures_algorithms.facts import Reader, SensorFacts

TARGET_KINDS = ("exact", "minimum", "maximum")


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
