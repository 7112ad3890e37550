"""What sources said about events: store, search, remove."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.beliefs.quantiles import check_probability as check_probability
    from flexmeasures.beliefs.quantiles import search_quantiles as search_quantiles
    from flexmeasures.beliefs.quantiles import store_quantiles as store_quantiles
    from flexmeasures.beliefs.reading import every_belief as every_belief
    from flexmeasures.beliefs.reading import extent as extent
    from flexmeasures.beliefs.reading import last_values as last_values
    from flexmeasures.beliefs.reading import rivals as rivals
    from flexmeasures.beliefs.reading import search as search
    from flexmeasures.beliefs.reading import search_one as search_one
    from flexmeasures.beliefs.reading import speakers as speakers
    from flexmeasures.beliefs.straying import Strays as Strays
    from flexmeasures.beliefs.straying import move as move
    from flexmeasures.beliefs.straying import strays as strays
    from flexmeasures.beliefs.writing import Stored as Stored
    from flexmeasures.beliefs.writing import remove as remove
    from flexmeasures.beliefs.writing import store as store

__all__, __getattr__ = door(
    __name__,
    {
        "quantiles": ("check_probability", "search_quantiles", "store_quantiles"),
        "reading": (
            "every_belief",
            "extent",
            "last_values",
            "rivals",
            "search",
            "search_one",
            "speakers",
        ),
        "straying": ("Strays", "move", "strays"),
        "writing": ("Stored", "remove", "store"),
    },
)
