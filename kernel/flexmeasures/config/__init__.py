"""Settings: what there are, where they come from, how they are read."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.config.loading import Configuration as Configuration
    from flexmeasures.config.loading import has_plugins as has_plugins
    from flexmeasures.config.loading import instance_path as instance_path
    from flexmeasures.config.loading import is_named as is_named
    from flexmeasures.config.loading import load as load
    from flexmeasures.config.log_setup import set_up_logging as set_up_logging
    from flexmeasures.config.parsing import from_value as from_value
    from flexmeasures.config.settings import SETTINGS as SETTINGS
    from flexmeasures.config.settings import Setting as Setting
    from flexmeasures.config.settings import is_secret as is_secret

__all__, __getattr__ = door(
    __name__,
    {
        "loading": ("Configuration", "has_plugins", "instance_path", "is_named", "load"),
        "log_setup": ("set_up_logging",),
        "parsing": ("from_value",),
        "settings": ("SETTINGS", "Setting", "is_secret"),
    },
)
