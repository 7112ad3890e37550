"""Ask services on the web, for packages that bring in weather, prices and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures_web_services.http import ServiceRefuses as ServiceRefuses
    from flexmeasures_web_services.http import ServiceUnavailable as ServiceUnavailable
    from flexmeasures_web_services.http import get as get
    from flexmeasures_web_services.http import get_json as get_json
    from flexmeasures_web_services.providers import Providers as Providers

__all__, __getattr__ = door(
    __name__,
    {
        "http": ("ServiceRefuses", "ServiceUnavailable", "get", "get_json"),
        "providers": ("Providers",),
    },
)
