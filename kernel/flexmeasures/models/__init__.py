"""The kernel's tables: who (users), what (sensors), who says (sources), what was said (beliefs), plans, jobs, tasks."""

from flexmeasures.models.beliefs import belief
from flexmeasures.models.jobs import Job, JobState, Recurrence
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset, Market, Sensor, SensorType, Site, WeatherSensor
from flexmeasures.models.sources import Source
from flexmeasures.models.tasks import LatestTaskRun
from flexmeasures.models.users import Role, User

__all__ = [
    "Asset",
    "Job",
    "JobState",
    "LatestTaskRun",
    "Market",
    "Recurrence",
    "Role",
    "Sensor",
    "SensorType",
    "Site",
    "Source",
    "StoredSchedule",
    "User",
    "WeatherSensor",
    "belief",
]
