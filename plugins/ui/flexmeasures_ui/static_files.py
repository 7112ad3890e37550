"""Files for browsers: ours, and those of installed packages. Their addresses carry a hash of what is in them.

So a browser keeps each for ever and asks for a new address once a file changes. Only the files that are
named here are served; nothing is fetched from another host.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from flask import Response, abort, request, url_for

HERE = Path(__file__).parent / "static"


def package_folder(name: str) -> Path:
    """Where a package is installed; the package is not imported."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"The package {name} is not installed; pages need its files.")
    return Path(spec.submodule_search_locations[0])


# name of a file in pages: package and path in it (None: our own folder), content type
FILES = {
    "flexmeasures.css": (None, "flexmeasures.css", "text/css; charset=utf-8"),
    "favicon.svg": (None, "favicon.svg", "image/svg+xml"),
    "theme.js": (None, "theme.js", "text/javascript; charset=utf-8"),
    "charts.js": (None, "charts.js", "text/javascript; charset=utf-8"),
    "replay.js": (None, "replay.js", "text/javascript; charset=utf-8"),
    "keys.js": (None, "keys.js", "text/javascript; charset=utf-8"),
    "tasks.js": (None, "tasks.js", "text/javascript; charset=utf-8"),
    "bootstrap.css": (
        "flask_bootstrap",
        "static/bootstrap5/css/bootstrap.min.css",
        "text/css; charset=utf-8",
    ),
    "map.js": (None, "map.js", "text/javascript; charset=utf-8"),
    "countries.json": (None, "countries.json", "application/json"),
    "leaflet.js": ("xstatic.pkg.leaflet", "data/leaflet.js", "text/javascript; charset=utf-8"),
    "leaflet.css": ("xstatic.pkg.leaflet", "data/leaflet.css", "text/css; charset=utf-8"),
    "markercluster.js": (
        "xstatic.pkg.leaflet_markercluster",
        "data/leaflet.markercluster.js",
        "text/javascript; charset=utf-8",
    ),
    "markercluster.css": (
        "xstatic.pkg.leaflet_markercluster",
        "data/MarkerCluster.css",
        "text/css; charset=utf-8",
    ),
    "bokeh.js": ("bokeh", "server/static/js/bokeh.min.js", "text/javascript; charset=utf-8"),
}


@dataclass(frozen=True)
class File:
    """Content of a file, plain and gzipped, its content type and a hash of the content."""

    content: bytes
    gzipped: bytes
    content_type: str
    hash: str


@lru_cache
def file(name: str) -> File:
    """The file of that name in FILES, read once a process."""
    package, path, content_type = FILES[name]
    content = ((HERE if package is None else package_folder(package)) / path).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return File(content, gzip.compress(content, 6, mtime=0), content_type, digest)


def file_url(name: str) -> str:
    """The address of a file, for templates."""
    return url_for("ui.static_file", digest=file(name).hash, name=name)


def static_file(digest: str, name: str) -> Response:
    """Answer with a file, to be kept for ever; 404 for names and hashes that are not ours."""
    if name not in FILES or file(name).hash != digest:
        abort(404)
    found = file(name)
    zipped = "gzip" in request.headers.get("Accept-Encoding", "")
    response = Response(found.gzipped if zipped else found.content, content_type=found.content_type)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    return response
