"""The platform's own colour and logo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.testing import make_app
from flexmeasures_ui.brand import DARK_CARD, LEGIBLE, WHITE, accent_css, contrast, parsed

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


@given(st.integers(0, 0xFFFFFF))
def test_every_colour_can_be_read_in_both_themes(number: int) -> None:
    light, dark = (parsed(found) for found in re.findall(r"#\w{6}", accent_css(f"#{number:06x}")))
    assert light is not None
    assert dark is not None
    assert contrast(light, WHITE) >= LEGIBLE
    assert contrast(dark, DARK_CARD) >= LEGIBLE


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert ":root { --accent: #7a3fb0; }" in accent_css("#7a3fb0")
    assert contrast(WHITE, (0.0, 0.0, 0.0)) == pytest.approx(21.0)


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345g", "#123456; } body { display: none"])
def test_what_is_no_colour_gives_no_style(text: str) -> None:
    assert accent_css(text) == ""


def test_colour_and_logo_are_on_every_page_and_may_be_kept(
    app: Any, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/ui/accent.css").status_code == client.get("/ui/logo").status_code == 404
    (tmp_path / "logo.svg").write_bytes(SVG)
    monkeypatch.setitem(app.config, "FLEXMEASURES_ACCENT_COLOUR", "#7A3FB0")
    monkeypatch.setitem(app.config, "FLEXMEASURES_LOGO", str(tmp_path / "logo.svg"))
    page = client.get("/login").text
    addresses = re.findall(r'(?:href|src)="(/ui/(?:accent|logo)[^"]*)"', page)
    assert len(addresses) == 2
    colour, logo = (client.get(address) for address in addresses)
    assert "#7a3fb0" in colour.text
    assert (logo.data, logo.mimetype) == (SVG, "image/svg+xml")
    for answer in (colour, logo):
        assert "immutable" in answer.headers["Cache-Control"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_settings_that_cannot_be_used_are_told_and_pages_stand(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {"FLEXMEASURES_ACCENT_COLOUR": "teal", "FLEXMEASURES_LOGO": str(tmp_path / "none.gif")}
    app = make_app(tmp_path / "instance", **wrong)
    told = caplog.text
    assert "FLEXMEASURES_ACCENT_COLOUR 'teal' is no colour" in told
    assert "none.gif" in told
    page = app.test_client().get("/login")
    assert page.status_code == 200
    assert "/ui/accent.css" not in page.text
