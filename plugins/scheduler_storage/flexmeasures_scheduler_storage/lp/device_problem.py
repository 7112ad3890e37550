"""One storage device as numbers: the problem that `model.py` solves, and the shapes of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


# By which share of the least cost a plan may cost more and still count as cheapest.
EXACT = 1e-6


class SchedulerError(Exception):
    """The program could not be solved, for another reason than being infeasible."""


class Outcome(Enum):
    """How a solve ended. There is no unbounded problem, because power is limited from both sides."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True, kw_only=True, eq=False)
class StorageProblem:
    """One storage device over n slots; every array has shape (n,).

    prices: money per MWh. hours: length of a slot. start: MWh before the first slot. power_lower,
    power_upper: MW, finite, consumption positive. stock_lower, stock_upper: MWh at slot ends, may be
    infinite; equal where the stock is prescribed.

    What few devices have: production_prices: money per MWh that production earns, where it is not the price
    of consumption. charge_efficiency: MWh of stock for each MWh consumed, above 1 for heat pumps;
    discharge_efficiency: MWh produced for each MWh of stock, in (0, 1]. retention: share of the stock that a
    slot leaves, in (0, 1]. inflow: MWh that enter the stock in each slot by themselves (negative: leave).
    cycle_cost: money for each MWh that goes through the device, half of it on the way in and half on the way
    out. end_value: money per MWh of stock that is left at the end. peak_price: money per MW by which the highest
    power of the window is above peak_so_far (MW). wished_lower, wished_upper: MWh at slot ends, missed only
    where that is inevitable, in all as little as possible, at whatever cost (infinite: no wish). exclusive: in
    which slots charging and discharging exclude each other by a whole number (None: in none). sooner: in no unit, what
    tells plans of equal cost apart: the one with the least throughput (sum of |power|), and of these the one that
    charges where `sooner` is low and discharges where it is high (None: any plan of least cost will do). stored:
    whether there is a stock at all; the connection of a site has none. anywhere: the stock before the first slot is
    any.
    """

    prices: Floats
    hours: float
    start: float
    power_lower: Floats
    power_upper: Floats
    stock_lower: Floats
    stock_upper: Floats
    production_prices: Floats | None = None
    charge_efficiency: float = 1.0
    discharge_efficiency: float = 1.0
    retention: float = 1.0
    inflow: Floats | None = None
    cycle_cost: float = 0.0
    end_value: float = 0.0
    peak_price: float = 0.0
    peak_so_far: float = 0.0
    wished_lower: Floats | None = None
    wished_upper: Floats | None = None
    exclusive: NDArray[np.bool_] | None = None
    sooner: Floats | None = None
    stored: bool = True
    anywhere: bool = False

    @property
    def earned(self) -> Floats:
        """What production earns, money per MWh."""
        return self.prices if self.production_prices is None else self.production_prices

    @property
    def gains(self) -> Floats:
        """What enters the stock by itself, MWh a slot."""
        import numpy as np

        return np.zeros(len(self.prices)) if self.inflow is None else self.inflow

    @cached_property
    def most_charge(self) -> Floats:
        """The largest power of a slot that only charges, MW: its limit, or what fills the stock from its least."""
        import numpy as np

        room = self.stock_upper - self.retention * self._before(self.stock_lower, -inf) - self.gains
        return np.clip(room / self.hours / self.charge_efficiency, 0.0, np.maximum(self.power_upper, 0.0))

    @cached_property
    def most_discharge(self) -> Floats:
        """The largest power of a slot that only discharges, MW: its limit, or what empties the stock from its most."""
        import numpy as np

        room = self.retention * self._before(self.stock_upper, inf) + self.gains - self.stock_lower
        return np.clip(room / self.hours * self.discharge_efficiency, 0.0, np.maximum(-self.power_lower, 0.0))

    def _before(self, stock: Floats, unknown: float) -> Floats:
        """A bound of the stock at slot ends as one at their starts."""
        import numpy as np

        return np.concatenate([[unknown if self.anywhere else self.start], stock[:-1]])


class Form(NamedTuple):
    """What decides the structure of a program, whatever its numbers.

    split: charging and discharging are variables of their own. exclusive: in some slots never both (makes it
    mixed-integer). peak: the highest power has a price. wishes: some stock is only wished for. stored: there is
    a stock.
    """

    slots: int
    split: bool = False
    exclusive: bool = False
    peak: bool = False
    wishes: bool = False
    stored: bool = True


def form_of(problem: StorageProblem) -> Form:
    """The least form that can say the problem."""
    changed = problem.charge_efficiency != 1 or problem.discharge_efficiency != 1
    return Form(
        slots=len(problem.prices),
        split=changed
        or problem.sooner is not None
        or problem.production_prices is not None
        or problem.cycle_cost != 0,
        exclusive=problem.exclusive is not None,
        peak=problem.peak_price != 0,
        wishes=problem.wished_lower is not None or problem.wished_upper is not None,
        stored=problem.stored,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ShadowPrices:
    """What the minimum would rise by if a bound rose by 1: money per MW or MWh, each of shape (n,)."""

    power_lower: Floats
    power_upper: Floats
    stock_lower: Floats
    stock_upper: Floats


class Bounded:
    """What costs `cost`, where no plan costs less than `bound` (money)."""

    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """By which share of the bound the cost may be above the least."""
        return max(self.cost - self.bound, 0.0) / max(abs(self.bound), 1e-12)

    @property
    def proven(self) -> bool:
        """Whether no plan is cheaper."""
        return not self.cost - self.bound > EXACT * max(abs(self.bound), 1.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution(Bounded):
    """power: MW a slot, stock: MWh at slot ends, both of shape (n,) and NaN when infeasible; cost: money.

    charge, discharge: MW, both not negative; power is their difference. shadow_prices: None when the solver
    gives none; of a mixed-integer program those with the direction of each slot as found. bound: no plan costs less.
    """

    outcome: Outcome
    power: Floats
    stock: Floats
    cost: float
    shadow_prices: ShadowPrices | None = None
    bound: float = float("nan")

    @property
    def charge(self) -> Floats:
        """MW consumed, not negative."""
        import numpy as np

        return np.maximum(self.power, 0.0)

    @property
    def discharge(self) -> Floats:
        """MW produced, not negative."""
        import numpy as np

        return np.maximum(-self.power, 0.0)
