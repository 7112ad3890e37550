"""Several devices behind one grid connection, numbers in and numbers out: `solve_site()`.

    minimise    sum of the devices' costs (equations.py)
    so that     each device keeps its own equations
                lower_j <= base_j + sum_k power_kj <= upper_j                            shared_limit

base is what inflexible devices are expected to take (MW, consumption positive). The equations of each device
come from the compiled Pyomo model; the shared limit adds one row a slot. As one program, up to LARGEST devices
are solved exactly. More are dealt into groups of like mixture, each with the share of the connection that is
its share of the devices' power, and each solved exactly; what that loses is bounded from below by the devices'
own optima at prices that hold the mean shadow prices of the connection (Lagrangian duality). Groups that have
no plan within their share are joined, in the end to one exact program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flexmeasures_scheduler_storage import compiled, model
from flexmeasures_scheduler_storage.equations import highest_price
from flexmeasures_scheduler_storage.storage import Form, Outcome, SchedulerError, StorageProblem, form_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures_scheduler_storage.storage import Floats

# Up to so many devices are solved as one program, and more in groups of about that many: solving takes about the
# square of them, and groups of 50 cost less than a thousandth more than the optimum.
LARGEST = 100
GROUP = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Connection:
    """The grid connection, arrays of shape (n,) in MW, consumption positive: base, and limits of the sum."""

    base: Floats
    lower: Floats
    upper: Floats

    def share(self, part: float) -> Connection:
        """The part of it that a group may use, without any base."""
        import numpy as np

        room = (np.zeros(len(self.base)), part * (self.lower - self.base), part * (self.upper - self.base))
        return Connection(base=room[0], lower=room[1], upper=room[2])


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteSolution:
    """power (MW) and stock (MWh at slot ends) by device and slot, shape (k, n), NaN when infeasible.

    cost: money of all devices. bound: no plan costs less. shadow_prices: what the minimum would rise by if the
    limits of the connection rose by 1 MW in a slot, shape (n,), money per MW.
    """

    outcome: Outcome
    power: Floats
    stock: Floats
    cost: float
    bound: float
    shadow_prices: Floats

    @property
    def gap(self) -> float:
        """By which share of the bound the cost may be above the optimum."""
        return max(self.cost - self.bound, 0.0) / max(abs(self.bound), 1e-12)


def solve_site(
    devices: Sequence[StorageProblem], connection: Connection, largest: int = LARGEST, group: int = GROUP
) -> SiteSolution:
    """Cheapest plans of all devices that together keep to the connection, or INFEASIBLE.

    devices: of the same slots; neither wishes nor peak prices. largest, group: as LARGEST and GROUP. Raises
    ValueError for devices that do not fit together, SchedulerError when the solver fails.
    """
    lengths = {len(each.prices) for each in devices} | {len(connection.base)}
    if len(lengths) != 1 or any(form_of(each).peak or form_of(each).wishes for each in devices):
        raise ValueError("devices of a site need the same slots, and neither wishes nor peak prices")
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
    cost, shadow = 0.0, np.zeros(len(connection.base))
    for group in range(groups):
        members = order[group::groups]
        part = float(size[members].sum() / size.sum())
        solved = _as_one([devices[k] for k in members], connection.share(part))
        if solved.outcome is Outcome.INFEASIBLE:
            return None
        power[members], stock[members] = solved.power, solved.stock
        cost, shadow = cost + solved.cost, shadow + part * solved.shadow_prices
    return SiteSolution(
        outcome=Outcome.OPTIMAL,
        power=power,
        stock=stock,
        cost=cost,
        bound=lower_bound(devices, connection, shadow),
        shadow_prices=shadow,
    )


def lower_bound(devices: Sequence[StorageProblem], connection: Connection, shadow: Floats) -> float:
    """What no plan can cost less than: the Lagrangian at these shadow prices of the connection, money.

    sum_k min (cost_k - shadow power_k) + sum_j (shadow_j lower_j if shadow_j > 0 else shadow_j upper_j) for
    limits from which base is taken.
    """
    import numpy as np

    room = np.where(shadow > 0, connection.lower - connection.base, connection.upper - connection.base)
    bound = float(shadow @ np.where(shadow == 0, 0.0, room))
    for each in devices:
        moved = shadow / each.hours
        earned = None if each.production_prices is None else each.production_prices - moved
        solution = model.solve(replace(each, prices=each.prices - moved, production_prices=earned))
        bound += solution.cost
    return bound


def _most(device: StorageProblem) -> float:
    """The largest power of a device, MW."""
    return float(max(abs(device.power_lower).max(), abs(device.power_upper).max(), 1e-9))


def _as_one(devices: Sequence[StorageProblem], connection: Connection) -> SiteSolution:
    """All devices in one program; where one would go both ways at once, with its directions fixed."""
    import numpy as np

    found = _solve(devices, connection)
    if found is not None:
        both = [_both_ways(values) for values in found[0]]
        if any(each.any() for each in both):
            charging = [model.net_power(values) > 0 for values in found[0]]
            one_way = [model.one_way(each, up) for each, up in zip(devices, charging, strict=True)]
            found = _solve(one_way, connection)
    shape = (len(devices), len(connection.base))
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
    power, stock, cost = np.zeros(shape), np.zeros(shape), 0.0
    for k, (device, values) in enumerate(zip(devices, found[0], strict=True)):
        power[k] = np.clip(
            np.round(model.net_power(values), model.DECIMALS), device.power_lower, device.power_upper
        )
        power[k][np.abs(power[k]) < model.NOISE] = 0.0
        stock[k] = np.clip(model.stock_after(device, power[k]), device.stock_lower, device.stock_upper)
        cost += model.cost_of(device, power[k], stock[k])
    return SiteSolution(
        outcome=Outcome.OPTIMAL, power=power, stock=stock, cost=cost, bound=cost, shadow_prices=found[1]
    )


def _both_ways(values: dict[str, Floats]) -> NDArray[np.bool_]:
    import numpy as np

    if "power" in values:
        return np.zeros(len(values["power"]), dtype=bool)
    found: NDArray[np.bool_] = np.minimum(values["charge"], values["discharge"]) > model.BOTH_WAYS
    return found


def _solve(
    devices: Sequence[StorageProblem], connection: Connection
) -> tuple[list[dict[str, Floats]], Floats] | None:
    """Values of each device's columns and the shadow prices of the connection; None when infeasible."""
    import highspy
    import numpy as np
    from scipy.sparse import block_diag, csc_array, hstack, vstack

    forms = [form_of(each) for each in devices]
    programs = [compiled.program(each, form) for each, form in zip(devices, forms, strict=True)]
    blocks, shared = zip(
        *(_blocks(form, numbers) for form, numbers in zip(forms, programs, strict=True)), strict=True
    )
    matrix = csc_array(vstack([block_diag(blocks, format="csc"), hstack(shared, format="csc")], format="csc"))
    money = model.COST_SCALE / max(highest_price(each) for each in devices) / devices[0].hours
    base = connection.base
    highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy leaves its constructor untyped
    for option, value in (compiled.HIGHS_OPTIONS | {"presolve": "choose"}).items():
        highs.setOptionValue(option, value)
    highs.passModel(
        matrix.shape[1],
        matrix.shape[0],
        matrix.nnz,
        int(highspy.MatrixFormat.kColwise),
        int(highspy.ObjSense.kMinimize),
        0.0,
        money * np.concatenate([each.cost for each in programs]),
        np.concatenate([each.lower for each in programs]),
        np.concatenate([each.upper for each in programs]),
        np.concatenate([*(each.row_lower for each in programs), connection.lower - base]),
        np.concatenate([*(each.row_upper for each in programs), connection.upper - base]),
        matrix.indptr.astype(np.int32),
        matrix.indices.astype(np.int32),
        matrix.data,
        np.zeros(matrix.shape[1], dtype=np.int32),
    )
    highs.run()
    status = highs.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return None
    if status != highspy.HighsModelStatus.kOptimal:
        raise SchedulerError(f"HiGHS found no schedule of the site: {highs.modelStatusToString(status)}.")
    solution, begin, values = highs.getSolution(), 0, []
    columns = np.array(solution.col_value)
    for form in forms:
        found = compiled.structure(form)
        values.append(
            {name: columns[begin + part.start : begin + part.stop] for name, part in found.columns.items()}
        )
        begin += found.width
    return values, np.array(solution.row_dual[-len(base) :]) / money


def _blocks(form: Form, numbers: compiled.Program) -> tuple[Any, Any]:
    """A device's own rows, and its part of the shared limit: 1 for each power consumed, -1 produced."""
    import numpy as np
    from scipy.sparse import csc_array

    found = compiled.structure(form)
    own = csc_array((numbers.values, found.indices, found.starts), shape=(found.height, found.width))
    slots, entries = np.arange(form.slots), []
    for name, sign in (("power", 1.0), ("charge", 1.0), ("discharge", -1.0)):
        if name in found.columns:
            entries.append((sign, found.columns[name].start + slots))
    data = np.concatenate([np.full(form.slots, sign) for sign, _ in entries])
    columns = np.concatenate([column for _, column in entries])
    rows = np.tile(slots, len(entries))
    return own, csc_array((data, (rows, columns)), shape=(form.slots, found.width))
