"""Several devices behind one grid connection, numbers in and numbers out: `solve_site()`.

    minimise    sum of the devices' costs (equations.py)
                + sum_j h spread_j export_j                                             production
                + peak_price (peak - peak_so_far)                                       peak_cost
    so that     each device keeps its own equations
                net_j = base_j + sum_k power_kj = import_j - export_j                   shared (joined.py)
                lower_j <= net_j <= upper_j, net_j <= peak, import_j = 0 or export_j = 0

base is what inflexible devices are expected to take (MW, consumption positive), spread by how much less production
earns than consumption costs. The connection is stated as a device without a stock, whose power is net. As one
program, up to LARGEST devices are solved exactly. More are dealt into groups of like mixture, each with the share of
base and connection that is its share of the devices' power, and each solved exactly; what that loses is bounded from
below by the members' own optima at prices that hold the shared rows' prices (Lagrangian duality). Groups that have
no plan within their share are joined, in the end to one exact program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import effort
from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduler_storage.lp.device_problem import (
    Bounded,
    Outcome,
    ShadowPrices,
    StorageProblem,
    form_of,
)
from flexmeasures_scheduler_storage.lp.exclusive_directions import net_power
from flexmeasures_scheduler_storage.lp.joint_problem import cheapest

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats

# Up to so many devices are solved as one program, and more in groups of about that many: solving takes about the
# square of them, and groups of 50 cost less than a thousandth more than the optimum.
LARGEST = 100
GROUP = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """The grid connection, arrays of shape (n,) in MW, consumption positive: base, and limits of the sum.

    spread: money per MWh by which production earns less than consumption costs (None: the same). peak_price: money
    per MW by which the highest net consumption is above peak_so_far (MW).
    """

    base: Floats
    lower: Floats
    upper: Floats
    spread: Floats | None = None
    peak_price: float = 0.0
    peak_so_far: float = 0.0

    def share(self, part: float) -> Connection:
        """The part of it that a group may use."""
        return replace(
            self,
            base=part * self.base,
            lower=part * self.lower,
            upper=part * self.upper,
            peak_so_far=part * self.peak_so_far,
        )

    def device(self, hours: float) -> StorageProblem:
        """It as a device without a stock, in slots of that many hours."""
        import numpy as np

        nothing, anything = np.zeros(len(self.base)), np.full(len(self.base), np.inf)
        return StorageProblem(
            prices=nothing,
            production_prices=None if self.spread is None else -self.spread,
            hours=hours,
            start=0.0,
            power_lower=self.lower,
            power_upper=self.upper,
            stock_lower=-anything,
            stock_upper=anything,
            peak_price=self.peak_price,
            peak_so_far=self.peak_so_far,
            sooner=None if self.spread is None else nothing,  # only then does it have two directions
            stored=False,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteSolution(Bounded):
    """power (MW) and stock (MWh at slot ends) by device and slot, shape (k, n), NaN when infeasible.

    cost: money of devices and connection. bound: no plan costs less. shadow_prices: what the minimum would fall by
    if base rose by 1 MW in a slot (of a connection without prices that of its limits), shape (n,), money per MW.
    limits: shadow prices of the connection, devices: of each device; empty where they were not told.
    """

    outcome: Outcome
    power: Floats
    stock: Floats
    cost: float
    bound: float
    shadow_prices: Floats
    limits: ShadowPrices | None = None
    devices: tuple[ShadowPrices, ...] = ()


def solve_site(
    devices: Sequence[StorageProblem], connection: Connection, largest: int = LARGEST, group: int = GROUP
) -> SiteSolution:
    """Cheapest plans of all devices that together keep to the connection, or INFEASIBLE.

    devices: of the same slots, without peak prices. largest, group: as LARGEST and GROUP. Raises ValueError for
    devices that do not fit together, SchedulerError when the solver fails.
    """
    lengths = {len(each.prices) for each in devices} | {len(connection.base)}
    if len(lengths) != 1 or any(form_of(each).peak for each in devices):
        raise ValueError("devices of a site need the same slots, and no peak prices of their own")
    groups = -(-len(devices) // group) if len(devices) > largest else 1
    while groups > 1:
        found = _by_groups(devices, connection, groups)
        if found is not None:
            return found
        groups //= 2
    return _as_one(devices, connection)


def _by_groups(devices: Sequence[StorageProblem], connection: Connection, groups: int) -> SiteSolution | None:
    """Each group within its share; None when one has no plan."""
    import numpy as np

    size = np.array([_most(each) for each in devices])
    order = np.argsort(-size, kind="stable")  # dealt in turn by size, so that the groups are alike
    power, stock = (np.zeros((len(devices), len(connection.base))) for _ in range(2))
    shadow = np.zeros(len(connection.base))
    for group in range(groups):
        members = order[group::groups]
        part = float(size[members].sum() / size.sum())
        with effort.part(1 / (groups - group + 1)):
            solved = _as_one([devices[k] for k in members], connection.share(part))
        if solved.outcome is Outcome.INFEASIBLE:
            return None
        power[members], stock[members] = solved.power, solved.stock
        shadow += part * solved.shadow_prices
    return SiteSolution(
        outcome=Outcome.OPTIMAL,
        power=power,
        stock=stock,
        cost=_cost(devices, connection, power, stock),
        bound=lower_bound(devices, connection, shadow),
        shadow_prices=shadow,
    )


def lower_bound(devices: Sequence[StorageProblem], connection: Connection, shadow: Floats) -> float:
    """What no plan can cost less than: the Lagrangian at these prices of the shared rows, money.

    sum_k min (cost_k - shadow power_k) + min (cost of net + shadow net) - shadow base.
    """
    bound = -float(shadow @ connection.base)
    for each, sign in [*((each, -1) for each in devices), (connection.device(devices[0].hours), 1)]:
        moved = sign * shadow / each.hours
        earned = None if each.production_prices is None else each.production_prices + moved
        bound += solve.solve(
            replace(each, prices=each.prices + moved, production_prices=earned, sooner=None)
        ).bound
    return bound


def connection_costs(connection: Connection, hours: float, power: Floats) -> dict[str, Floats]:
    """Money by component, each of shape (n,), of devices that take `power` in all (MW, shape (n,)).

    production: what net production earns less than its energy is worth at the price of consumption; peak: in the
    first slot of the highest consumption. Those that have no price are left out.
    """
    import numpy as np

    net, found = connection.base + power, {}
    if connection.spread is not None:
        found["production"] = hours * connection.spread * np.maximum(-net, 0.0)
    if connection.peak_price:
        found["peak"], highest = np.zeros(len(net)), int(net.argmax())
        above = max(float(net[highest]) - connection.peak_so_far, 0.0)
        found["peak"][highest] = connection.peak_price * above
    return found


def _cost(devices: Sequence[StorageProblem], connection: Connection, power: Floats, stock: Floats) -> float:
    own = sum(solve.cost_of(*each) for each in zip(devices, power, stock, strict=True))
    shared = connection_costs(connection, devices[0].hours, power.sum(axis=0))
    return own + sum(float(values.sum()) for values in shared.values())


def _most(device: StorageProblem) -> float:
    """The largest power of a device, MW."""
    return float(max(abs(device.power_lower).max(), abs(device.power_upper).max(), 1e-9))


def _as_one(devices: Sequence[StorageProblem], connection: Connection) -> SiteSolution:
    """All devices in one program."""
    import numpy as np

    meter = connection.device(devices[0].hours)
    found, shape = cheapest([*devices, meter], connection.base), (len(devices), len(connection.base))
    if found is None:
        unknown = np.full(shape, np.nan)
        return SiteSolution(
            outcome=Outcome.INFEASIBLE,
            power=unknown,
            stock=unknown,
            cost=float("nan"),
            bound=float("nan"),
            shadow_prices=unknown[0],
        )
    power, stock = np.zeros(shape), np.zeros(shape)
    for k, device in enumerate(devices):
        power[k] = solve.cleaned(device, found.size * net_power(found.values[k]))
        stock[k] = solve.cleaned_stock(device, power[k])
    cost = _cost(devices, connection, power, stock)
    shadows = [
        solve.shadow_prices(*each) for each in zip([*devices, meter], found.reduced_costs, strict=True)
    ]
    return SiteSolution(
        outcome=Outcome.OPTIMAL,
        power=power,
        stock=stock,
        cost=cost,
        bound=min(found.bound, cost),
        shadow_prices=found.prices,
        limits=shadows[-1],
        devices=tuple(shadows[:-1]),
    )
