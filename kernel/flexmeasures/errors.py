"""The exception tree. Everything that FlexMeasures raises on purpose stands below FlexMeasuresError:

FlexMeasuresError
├── SettingsError            a setting is missing or wrong; the command line exits with 2
├── InputError               what a user sent is wrong: names the field, what was wrong, what is accepted
│   ├── NoTimezone           a time without UTC offset
│   ├── OffGrid              a time at which no slot of the sensor starts
│   ├── WrongResolution      values that do not fit a sensor's event resolution
│   ├── BeliefsExist         a belief with the same sensor, event, horizon and source is stored already
│   └── NotFound             no sensor, user, job ... of that name or id
├── PluginError              a plugin cannot be used
│   ├── PluginBroken         its code fails
│   ├── PluginIncompatible   it asks for another version of FlexMeasures
│   └── NameTaken            it claims a name that another plugin has
├── AlgorithmError           an algorithm cannot answer; the job fails with this text
│   ├── UnknownAlgorithm     the algorithm that was chosen is not installed
│   ├── UnknownPrices        there are no prices in the window
│   ├── InfeasibleProblem    the user's limits and targets conflict
│   └── NotEnoughData        too little history to forecast from
└── JobError                 the job runner
    ├── Stopped              it was told to stop: it was cancelled, or its worker ends
    └── LeaseLost            another worker has taken the job over; nothing of this run is stored
"""

from __future__ import annotations

import reprlib

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother, _short.maxlong = 4, 300, 300, 100
_short.maxlist = _short.maxdict = _short.maxtuple = 40


def shown(value: object) -> str:
    """What a user sent, for a message: short, whatever its size and depth."""
    text = _short.repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


class FlexMeasuresError(Exception):
    """Base of all errors that FlexMeasures raises on purpose; its text is meant for users."""


class SettingsError(FlexMeasuresError):
    """A setting is missing or has a value that is not accepted."""


class InputError(FlexMeasuresError):
    """What a user sent is wrong.

    field: name of the field as the user wrote it; accepted: what would have been right, in words.
    """

    def __init__(self, message: str, field: str | None = None, accepted: str | None = None) -> None:
        super().__init__(message if accepted is None else f"{message} Accepted: {accepted}.")
        self.field = field
        self.accepted = accepted


class NoTimezone(InputError):
    """A time was given without a UTC offset."""


class OffGrid(InputError):
    """An event starts where no slot of the sensor starts."""


class WrongResolution(InputError):
    """Values are finer than the sensor's event resolution, or no whole multiple of it."""


class BeliefsExist(InputError):
    """A belief with the same sensor, event start, horizon and source is stored already."""


class NotFound(InputError):
    """There is no thing of the given name or id."""


class PluginError(FlexMeasuresError):
    """A plugin cannot be used."""


class PluginBroken(PluginError):
    """A plugin's own code fails."""


class PluginIncompatible(PluginError):
    """A plugin asks for another version of FlexMeasures."""


class WrongAnswer(PluginError, TypeError):
    """A hook answers something else than its specification says."""


class NameTaken(PluginError):
    """A plugin claims a name (of a blueprint, command, algorithm ...) that another one has."""


class AlgorithmError(FlexMeasuresError):
    """An algorithm cannot answer; the text is stored on the job and shown to the user."""


class UnknownAlgorithm(AlgorithmError):
    """The algorithm that was chosen by name is not installed."""


class UnknownPrices(AlgorithmError):
    """There are no prices where a schedule needs them."""


class InfeasibleProblem(AlgorithmError):
    """Limits and targets of a scheduling problem conflict."""


class NotEnoughData(AlgorithmError):
    """There is too little history to forecast from."""


class JobError(FlexMeasuresError):
    """The job runner cannot go on with a job."""


class Stopped(JobError):
    """The job was told to stop while it computed: it was cancelled, or its worker ends."""


class LeaseLost(JobError):
    """The worker's lease on a job ran out and the job belongs to somebody else."""
