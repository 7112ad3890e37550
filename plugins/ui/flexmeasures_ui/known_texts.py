"""Texts of the database and of other packages that pages translate where they show them."""

from __future__ import annotations

from flexmeasures_translation import marked

# Types of sensors that every platform has, one and several of them, and groups of types.
TYPES = (
    marked("solar panel"),
    marked("solar panels"),
    marked("wind turbine"),
    marked("wind turbines"),
    marked("one-way EVSE"),
    marked("one-way EVSEs"),
    marked("two-way EVSE"),
    marked("two-way EVSEs"),
    marked("stationary battery"),
    marked("stationary batteries"),
    marked("building"),
    marked("buildings"),
    marked("ambient temperature"),
    marked("Ambient temperature"),
    marked("wind speed"),
    marked("temperature"),
    marked("radiation"),
    marked("Wind speed"),
    marked("solar irradiation"),
    marked("Solar irradiation"),
    marked("renewables"),
    marked("EVSE"),
)

# States of jobs and plugins, parts of a job, functions of jobs, columns by which lists are sorted.
STATES = (
    marked("running"),
    marked("finished"),
    marked("failed"),
    marked("cancelled"),
    marked("active"),
    marked("broken"),
    marked("incompatible"),
    marked("disabled"),
    marked("Arguments"),
    marked("Inputs"),
    marked("Result"),
    marked("name"),
    marked("type"),
    marked("capacity"),
    marked("resolution"),
    marked("owner"),
    marked("id"),
)

# What an asset may ask of its schedules (flexmeasures_scheduling.described): labels and meanings.
FLEXIBILITY = (
    marked("Relax"),
    marked("Where limits and targets conflict, plan as near to the targets as can be, instead of failing."),
    marked("Prefer charging sooner"),
    marked(
        "Of plans that cost the same and move as little, the one that charges sooner and discharges later."
    ),
    marked("Charge efficiency"),
    marked(
        "MWh stored for each MWh consumed (1 unless stated; above 1 as the coefficient of performance of a heat pump)."
    ),
    marked("Discharge efficiency"),
    marked("MWh produced for each MWh taken from the store (1 unless stated)."),
    marked("Roundtrip efficiency"),
    marked("Both efficiencies in one: each is its square root, where it is not stated."),
    marked("Charge limit, MW"),
    marked("The largest power of consumption, where it is below capacity_in_mw."),
    marked("Discharge limit, MW"),
    marked("The largest power of production, where it is below capacity_in_mw."),
    marked("Cost per MWh"),
    marked("Money for each MWh that goes through the device, half on the way in, half on the way out."),
    marked("End value per MWh"),
    marked("Money that each MWh left at the end is worth."),
    marked("Production price per MWh"),
    marked("Money that each MWh produced earns, where it is not the price of the market."),
    marked("Production market"),
    marked("The market whose prices production earns, where it is not the asset's."),
    marked("CO2 market"),
    marked("The market whose prices (of the CO2 of an MWh) are added to those of the asset's market."),
    marked("CO2 weight"),
    marked("By what the prices of CO2 are multiplied."),
    marked("Peak price per MW"),
    marked("Money for each MW by which the highest consumption is above peak_so_far_in_mw."),
    marked("Peak so far, MW"),
    marked("The highest consumption that is paid for already."),
    marked("Loss per hour"),
    marked("Share of the stored energy that is lost in an hour, as of a buffer of heat."),
    marked("Demand, MW"),
    marked("What is taken out of the store all the time, as heat from a buffer; negative for what comes in."),
)

# What forms are told by the schemas of other packages.
ERRORS = (
    marked("Missing data for required field."),
    marked("Not a valid number."),
    marked("Not a valid integer."),
    marked("Field may not be null."),
    marked("Must not be empty."),
    marked("Must be a whole number of minutes, at least 1 and at most a year."),
    marked("Length must be between 4 and 255."),
    marked("Must be greater than or equal to 0."),
    marked("Must be greater than or equal to 0.0001."),
    marked("Must be greater than or equal to -90 and less than or equal to 90."),
    marked("Must be greater than or equal to -180 and less than or equal to 180."),
)
