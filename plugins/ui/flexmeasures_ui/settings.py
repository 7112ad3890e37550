"""Settings of this package."""

from __future__ import annotations

from flexmeasures.config import Setting

SETTINGS = [
    Setting(
        "FLEXMEASURES_HIDE_NAN_IN_UI",
        False,
        bool,
        "Leave cells of the metrics table of analytics empty where nothing is known, instead of a dash.",
        chapter="2.2.2",
    ),
    Setting(
        "RQ_DASHBOARD_POLL_INTERVAL",
        3000,
        int,
        "How often the page of the job queues refreshes itself, in milliseconds.",
        chapter="2.2.3",
    ),
    Setting(
        "FLEXMEASURES_LISTED_VIEWS",
        ["dashboard", "analytics", "portfolio", "assets", "users"],
        list,
        "Pages in the menu, in this order.",
        chapter="2.9.3",
    ),
    Setting(
        "FLEXMEASURES_ACCENT_COLOUR",
        "",
        str,
        "Colour of links and buttons, such as #7a3fb0; made darker or lighter where it could not be read.",
    ),
    Setting(
        "FLEXMEASURES_LOGO",
        "",
        str,
        "Path of an image (svg, png, jpg, webp) that stands beside the platform's name on all pages.",
    ),
    Setting("MAPBOX_ACCESS_TOKEN", None, str, "Token of the service that draws maps.", chapter="2.4.2"),
    Setting(
        "FLEXMEASURES_MAP_TILES",
        "",
        str,
        "Address of map tiles, with {z}, {x} and {y}; empty: Mapbox's with its token, else countries alone.",
    ),
    Setting(
        "FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS",
        None,
        tuple,
        "In demo mode: email and password that the login page shows to everybody.",
        chapter="2.9.1",
    ),
]
