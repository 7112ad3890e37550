"""The best plan of one direction a slot, where going both ways at once would pay: by what the stock is worth.

From the last slot backwards, worth_j(stock) is the least that the slots after j cost when they begin with that
stock (Bellman, 1957). In the stock it is continuous and made of straight pieces, though not convex:

    worth_{j-1}(s) = min over gain of  cost_j(gain) + wish_j(t) + worth_j(t),   t = retention s + inflow_j + gain

where cost_j is a straight line on either side of no gain. Between two corners of `worth_j`, shifted by the most, by
nothing and by the least that a slot can gain, the minimum is that of five lines: the gain is at one of these three, or
leads to a corner of `worth_j` by charging, or to one by discharging. So it is exact, but for corners left out where
there are more than MANY, the error of which is counted. It needs no search, and ends after n steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.lp.device_problem import Floats, StorageProblem

# Corners of one function that are kept at most. Two days of quarter-hours have some hundreds.
MANY = 1500

# A corner that lies this share of the function's span off the line between its neighbours is rounding.
ROUNDING = 1e-14

# Corners that are nearer than this share of the stock are one.
SAME = 1e-12

# What a MWh through the device costs besides, in shares of the highest price: of plans that cost the same, the one
# that moves least is wanted, and of these the one that charges sooner, which counts SOONER of that.
THROUGHPUT, SOONER = 1e-9, 0.1


@dataclass(frozen=True, eq=False)
class Found:
    """power: MW a slot. cost: of the plan, a little more than in truth. bound: no plan of one direction a slot costs
    less. Both in the problem's money, penalties included.
    """

    power: Floats
    cost: float
    bound: float


class Pieces(NamedTuple):
    """A function of the stock: its values at corners, straight between them, defined from the first to the last."""

    at: Floats
    value: Floats

    def __call__(self, stock: Floats) -> Floats:
        import numpy as np

        found: Floats = np.interp(stock, self.at, self.value)
        return found


class Slot(NamedTuple):
    """What one slot can do: MWh that it can gain, and money for each MWh gained or lost."""

    least: float
    most: float
    charged: float
    discharged: float
    inflow: float

    def cost(self, gain: Floats) -> Floats:
        import numpy as np

        return np.where(gain > 0, self.charged, self.discharged) * gain


def can_plan(problem: StorageProblem) -> bool:
    """Whether the stock, and the slot, are all that a plan's future depends on, but for the peak (`peaks.py`)."""
    return problem.stored and not problem.anywhere


def plan(problem: StorageProblem, penalty: float, check: Callable[[], None] = lambda: None) -> Found | None:
    """The cheapest plan of one direction a slot; None when there is none.

    penalty: money for each MWh by which a wish is missed. check: called once a slot, to raise when it is to stop.
    """
    import numpy as np

    slots, reached = _slots(problem), _reached(problem)
    if reached is None:
        return None
    low, high = reached
    last = len(slots) - 1
    at = np.array([low[last], high[last]]) if high[last] > low[last] else np.array([low[last]])
    worth = [_wished(problem, last, Pieces(at, -problem.end_value * at), penalty)]
    error = 0.0
    for j in range(last, 0, -1):
        check()
        earlier = _before(worth[-1], slots[j], problem.retention, low[j - 1], high[j - 1])
        if earlier is None:
            return None
        earlier, lost = _thinned(_wished(problem, j - 1, earlier, penalty))
        error += lost
        worth.append(earlier)
    worth.reverse()
    return _followed(problem, slots, worth, error)


def _slots(problem: StorageProblem) -> list[Slot]:
    """Each slot's gains and costs, what a MWh through the device costs besides included."""
    import numpy as np

    into, out = problem.hours * problem.charge_efficiency, problem.hours / problem.discharge_efficiency
    moved, worn = _moved(problem), problem.cycle_cost / 2
    sooner = SOONER * moved * np.linspace(0.0, 1.0, len(problem.prices))
    lower, upper = problem.power_lower, problem.power_upper
    columns = (
        np.where(lower < 0, out, into) * lower,
        np.where(upper > 0, into, out) * upper,
        (problem.prices + worn + moved + sooner) / problem.charge_efficiency,
        (problem.earned - worn - moved + sooner) * problem.discharge_efficiency,
        problem.gains,
    )
    return [Slot(*values) for values in zip(*(each.tolist() for each in columns), strict=True)]


def _moved(problem: StorageProblem) -> float:
    highest = max(float(abs(problem.prices).max()), float(abs(problem.earned).max()))
    return THROUGHPUT * highest


def _reached(problem: StorageProblem) -> tuple[list[float], list[float]] | None:
    """The least and the most stock at each slot end that can be reached from the start within its limits."""
    low = high = problem.start
    lows, highs = [], []
    bounds = zip(problem.stock_lower.tolist(), problem.stock_upper.tolist(), strict=True)
    for slot, (lower, upper) in zip(_slots(problem), bounds, strict=True):
        low = max(problem.retention * low + slot.inflow + slot.least, lower)
        high = min(problem.retention * high + slot.inflow + slot.most, upper)
        if low > high:
            if low - high > 1e-9 * max(1.0, abs(low)):
                return None
            low = high = upper if lower <= upper else low  # the same number, rounded differently
        lows.append(low)
        highs.append(high)
    return lows, highs


def _wished(problem: StorageProblem, j: int, worth: Pieces, penalty: float) -> Pieces:
    """With what is missed of a wish at the end of slot j."""
    import numpy as np

    lower = -np.inf if problem.wished_lower is None else float(problem.wished_lower[j])
    upper = np.inf if problem.wished_upper is None else float(problem.wished_upper[j])
    if lower == -np.inf and upper == np.inf:
        return worth
    inside = [each for each in (lower, upper) if worth.at[0] < each < worth.at[-1]]
    at = np.unique(np.concatenate([worth.at, inside]))
    missed = np.maximum(lower - at, 0.0) + np.maximum(at - upper, 0.0)
    return Pieces(at, worth(at) + penalty * missed)


def _before(worth: Pieces, slot: Slot, retention: float, low: float, high: float) -> Pieces | None:
    """The worth at the start of a slot from that at its end, for stocks from low to high."""
    import numpy as np

    shifts = (slot.least, slot.most, 0.0) if slot.least < 0 < slot.most else (slot.least, slot.most)
    first, last = worth.at[0] - slot.most, worth.at[-1] - slot.least
    begin, end = retention * low + slot.inflow, retention * high + slot.inflow
    begin, end = max(begin, first), min(end, last)
    if begin > end:
        if begin - end > 1e-9 * max(1.0, abs(begin)):
            return None
        begin = end = min(max(begin, first), last) if begin == first else end
    z = np.concatenate([[begin, end], *(worth.at - shift for shift in shifts)])
    z = np.unique(z[(z >= begin) & (z <= end)])
    if len(z) == 1:
        z = np.append(z, z)
    lines = _lines(worth, slot, shifts, z)
    at, value = _lowest(z, *lines)
    there = np.flatnonzero(np.isfinite(value))
    if len(there) == 0 or len(there) <= there[-1] - there[0]:
        return None  # stocks without any plan, in between too: not a function of pieces that join
    at, value = at[there], value[there]
    return _simple(Pieces((at - slot.inflow) / retention, value))


def _lines(worth: Pieces, slot: Slot, shifts: tuple[float, ...], z: Floats) -> tuple[Floats, Floats]:
    """The values of all lines at the start and at the end of each interval of z, infinite where there is none."""
    import numpy as np

    a, b = z[:-1], z[1:]
    middle = (a + b) / 2
    begins, ends = [], []
    for shift in shifts:
        inside = (middle + shift >= worth.at[0]) & (middle + shift <= worth.at[-1])
        cost = float(slot.cost(np.array(shift)))
        begins.append(np.where(inside, cost + worth(a + shift), np.inf))
        ends.append(np.where(inside, cost + worth(b + shift), np.inf))
    for least, most, price in (
        (max(slot.least, 0.0), slot.most, slot.charged),
        (slot.least, min(slot.most, 0.0), slot.discharged),
    ):
        if least < most:
            corner = _least_between(worth.at, worth.value + price * worth.at, middle + least, middle + most)
            begins.append(corner - price * a)
            ends.append(corner - price * b)
    return np.array(begins), np.array(ends)


def _least_between(at: Floats, value: Floats, low: Floats, high: Floats) -> Floats:
    """The least value at the corners within each interval; infinite where it has none."""
    import numpy as np

    first, end = np.searchsorted(at, low), np.searchsorted(at, high)
    pairs = np.stack([first, end], axis=1).ravel()
    found = np.minimum.reduceat(np.append(value, np.inf), pairs)[::2]
    return np.where(first < end, found, np.inf)


def _lowest(z: Floats, begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """The lowest of lines over each interval of z: where it has corners, and its values there."""
    import numpy as np

    width = z[1:] - z[:-1]
    rise = np.where(np.isfinite(begins), ends - np.where(np.isfinite(begins), begins, 0.0), 0.0)
    below = np.minimum(begins[:, 1:], ends[:, :-1]).min(axis=0)  # at the inner ends, from both sides
    at = [z]
    value = [np.concatenate([begins[:, :1].min(axis=0), below, ends[:, -1:].min(axis=0)])]
    lowest_begin, lowest_end = begins.argmin(axis=0), ends.argmin(axis=0)
    bent = np.flatnonzero(lowest_begin != lowest_end)  # one line is lowest on the whole interval elsewhere
    if len(bent):
        some, more = begins[:, bent], rise[:, bent]
        one, other = _pairs(len(begins))
        with np.errstate(divide="ignore", invalid="ignore"):
            part = (some[one] - some[other]) / (more[other] - more[one])
        pair, crossing = np.nonzero(
            (part > 0) & (part < 1)
        )  # never of a line that is not there: that is no number
        share = part[pair, crossing]
        there = (some[:, crossing] + share * more[:, crossing]).min(axis=0)
        own = some[one[pair], crossing] + share * more[one[pair], crossing]
        lowest = own <= there + ROUNDING * np.maximum(1.0, np.abs(there))
        at.append((z[bent[crossing]] + share * width[bent[crossing]])[lowest])
        value.append(there[lowest])
    everywhere, values = np.concatenate(at), np.concatenate(value)
    order = np.argsort(everywhere, kind="stable")
    return everywhere[order], values[order]


@cache
def _pairs(lines: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of so many lines."""
    import numpy as np

    return np.triu_indices(lines, 1)


def _simple(worth: Pieces) -> Pieces:
    """The same function without corners at one place, and without those that lie on a line."""
    import numpy as np

    at, value = worth
    apart = np.append(True, np.diff(at) > SAME * max(1.0, float(np.abs(at).max())))
    at, value = at[apart], value[apart]
    for odd in (0, 1):  # never two neighbours at once, each of which may be all that shows a bend
        if len(at) < 3:
            break
        line = _off_line(at, value) <= ROUNDING * _span(value)
        line[odd::2] = False
        kept = np.append(True, np.append(~line, True))
        at, value = at[kept], value[kept]
    return Pieces(at, value)


def _off_line(at: Floats, value: Floats) -> Floats:
    """By how much each inner corner lies off the line between its neighbours."""
    import numpy as np

    share = (at[1:-1] - at[:-2]) / (at[2:] - at[:-2])
    off: Floats = np.abs(value[1:-1] - (1 - share) * value[:-2] - share * value[2:])
    return off


def _span(value: Floats) -> float:
    return float(abs(value).max()) or 1.0


def _thinned(worth: Pieces) -> tuple[Pieces, float]:
    """At most MANY corners, and by how much the function may have changed for that."""
    import numpy as np

    error = 0.0
    while len(worth.at) > MANY:
        off = _off_line(*worth)
        off[1::2] = np.inf  # of two neighbours one stays, so that what changes is known
        number = min(len(worth.at) - MANY, len(off[::2]))
        dropped = np.argsort(off, kind="stable")[:number]
        error += float(off[dropped].max())
        kept = np.ones(len(worth.at), dtype=bool)
        kept[dropped + 1] = False
        worth = Pieces(worth.at[kept], worth.value[kept])
    return worth, error


def _followed(problem: StorageProblem, slots: list[Slot], worth: list[Pieces], error: float) -> Found | None:
    """The plan that follows the functions from the start on."""
    import numpy as np

    stock, gains, least = problem.start, [], 0.0
    for j, (slot, after) in enumerate(zip(slots, worth, strict=True)):
        z = problem.retention * stock + slot.inflow
        low, high = z + slot.least, z + slot.most
        low, high = max(low, float(after.at[0])), min(high, float(after.at[-1]))
        inner = after.at[np.searchsorted(after.at, low) : np.searchsorted(after.at, high, side="right")]
        idle = [z] if low <= z <= high else []
        to = np.concatenate([idle, [low, max(low, high)], inner])
        cost = slot.cost(to - z) + after(to)
        if j == 0:
            least = float(cost.min())
        chosen = float(to[int(cost.argmin())])
        gains.append(min(max(chosen - z, slot.least), slot.most))
        stock = z + gains[-1]
    gain = np.array(gains)
    into, out = problem.hours * problem.charge_efficiency, problem.hours / problem.discharge_efficiency
    moved = (
        _moved(problem)
        * problem.hours
        * float(np.maximum(abs(problem.power_lower), abs(problem.power_upper)).sum())
    )
    return Found(
        power=np.where(gain > 0, gain / into, gain / out),
        cost=least + error,
        bound=least - (1 + SOONER) * moved - error,
    )
