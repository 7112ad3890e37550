"""Headers of pages: what browsers may load, and who may keep a page."""

from __future__ import annotations

from flask import Response, g

from flexmeasures.http import CONTENT_SECURITY_POLICY


def set_headers(response: Response) -> Response:
    """Allow style elements beside charts only, as Bokeh alone makes some; keep pages out of shared caches."""
    policy = CONTENT_SECURITY_POLICY
    if not g.get("draws_chart"):
        policy = policy.replace(" style-src-elem 'self' 'unsafe-inline';", "")
    if g.get("map_tiles"):
        host = "/".join(str(g.map_tiles).split("/", 3)[:3])
        policy = policy.replace("img-src 'self'", f"img-src 'self' {host}")
    response.headers["Content-Security-Policy"] = policy
    # What a page shows belongs to its user; files say themselves how long they may be kept.
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
