"""The demo in a real browser: every page by both roles, in both themes and two sizes; and what people do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
SEEN = ((DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark"))
GRAVE = ("serious", "critical")
# /health and the like are for programs; Swagger UI's own faults on the page of the API are not ours.
PAGES = (
    "/dashboard", "/analytics", "/analytics?resource=renewables", "/analytics?choose=sources",
    "/portfolio", "/portfolio?show_stacked=production",
    "/accuracy", "/control", "/upload", "/account",
    "/assets", "/assets?q=nothing+like+it", "/assets/new", "/assets/BATTERY", "/assets/BATTERY/edit",
    "/assets/BATTERY/flexibility", "/assets/BATTERY/limits", "/assets/PV/regressors",
    "/assets/BATTERY?what=capacity_in_mw&to=0.2",
    "/assets/delete_with_data/BATTERY/", "/assets/PV", "/assets/owned_by/2", "/sensors/BATTERY", "/sensors/PV",
    "/sites", "/tariffs", "/tariffs/new", "/users", "/users/2", "/users/new", "/users/2/edit",
    "/plugins", "/tasks/", "/tasks/1", "/tasks/forecasting", "/tasks/scheduling",
    "/tasks/schedules", "/no-such-page",
)  # fmt: skip
OF_OWNERS = (
    "/dashboard",
    "/analytics",
    "/portfolio",
    "/accuracy",
    "/upload",
    "/account",
    "/assets",
    "/assets/BATTERY",
)
OF_VISITORS = ("/login", "/reset")


@dataclass
class Demo:
    """A running demo: its address, the passwords by role, the ids of its assets, and a browser."""

    address: str
    passwords: dict[str, tuple[str, str]]
    ids: dict[str, str]
    browser: Browser
    logged_in: dict[str, Any] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """The address of a page; names of assets stand for their ids."""
        return self.address + re.sub("BATTERY|PV", lambda found: self.ids[found[0]], path)

    def page(self, role: str, **options: Any) -> Watched:
        """A new page of a browser in which somebody of that role is logged in ("" for nobody)."""
        if role and role not in self.logged_in:
            context = self.browser.new_context()
            log_in(context.new_page(), self, role)
            self.logged_in[role] = context.storage_state()
            context.close()
        context = self.browser.new_context(**self._options(role) | options)
        context.set_default_timeout(10_000)
        return Watched(context.new_page(), self.address)

    def _options(self, role: str) -> dict[str, Any]:
        # Without motion a colour is there at once.
        return {"viewport": DESK, "storage_state": self.logged_in.get(role), "reduced_motion": "reduce"}


class Watched:
    """A page, and what the browser complained of."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda said: self._note(said.type in ("error", "warning"), said.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on("requestfailed", lambda asked: self._note(asked.failure != "net::ERR_ABORTED", asked.url))
        page.on(
            "request", lambda asked: self._note(not asked.url.startswith((site, "data:", "blob:")), asked.url)
        )

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.complaints.append(text)

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.context.close()


def log_in(page: Page, demo: Demo, role: str) -> None:
    page.goto(demo.address + "/login")
    page.get_by_label("Email").fill(demo.passwords[role][0])
    page.get_by_label("Password").fill(demo.passwords[role][1])
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("nav[aria-label=Main]")


@pytest.fixture(scope="module")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`flexmeasures demo`, as a user runs it, with its workers; and Chromium."""
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("demo") / "instance"
    command = [
        str(Path(sys.executable).with_name("flexmeasures")),
        "demo",
        "--instance",
        str(folder),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            told = _told_until_it_serves(process)
            logins = re.findall(r"(\w+): (\S+@\S+), password (\S+)", told)
            address = re.search(r"Look at it: (\S+)", told)
            assert address, told
            assert len(logins) == 2, told
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                found = Demo(address[1], {role: (email, word) for role, email, word in logins}, {}, browser)
                with found.page("admin") as watched:
                    watched.page.goto(found.address + "/assets?format=json")
                    listed = watched.page.evaluate("JSON.parse(document.body.textContent)")
                    names = {"battery": "BATTERY", "fontana-pv": "PV"}
                    found.ids |= {
                        names[each["name"]]: str(each["id"]) for each in listed if each["name"] in names
                    }
                yield found
                browser.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)


def _told_until_it_serves(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if "Log in as" in line:
            return told
    pytest.fail(f"The demo ended: {told}")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which finds what hinders people who do not see or point well."""
    import axe_playwright_python

    return next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()


def faults_of(page: Page, axe: str) -> list[str]:
    page.evaluate(f"{axe}\n;0")
    found = page.evaluate("axe.run()")["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in GRAVE]


def charts_are_there(page: Page) -> None:
    for chart in page.locator("[data-chart]").all():
        chart.and_(page.locator("[data-ready=true]")).wait_for()


def keep_screenshot(page: Page, role: str, path: str, size: dict[str, int], theme: str) -> None:
    """In the folder that FLEXMEASURES_TEST_SCREENSHOTS names, as `make screenshots` wants it."""
    folder = os.environ.get("FLEXMEASURES_TEST_SCREENSHOTS")
    if folder:
        name = re.sub(r"\W+", "-", path).strip("-").lower() or "home"
        shot = Path(folder) / f"{role.lower() or 'visitor'}-{name}-{theme}-{size['width']}.png"
        page.screenshot(path=shot, full_page=True)


WALKS = [("admin", path) for path in PAGES] + [("Prosumer", path) for path in OF_OWNERS]
WALKS += [("", path) for path in OF_VISITORS]


@pytest.mark.parametrize(("role", "path"), WALKS)
def test_a_page_is_without_grave_faults_in_both_themes_and_sizes(
    demo: Demo, axe: str, role: str, path: str
) -> None:
    with demo.page(role, color_scheme="light") as watched:
        page = watched.page
        answer = page.goto(demo.path(path))
        assert answer is not None
        assert answer.status == (404 if path == "/no-such-page" else 200)
        charts_are_there(page)
        for size, theme in SEEN if role == "admin" else SEEN[::3]:
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.locator(f"html[data-bs-theme={theme}]").wait_for(state="attached")
            assert faults_of(page, axe) == [], (size, theme)
            keep_screenshot(page, role, path, size, theme)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        # The browser itself notes a page's own 404, which is no complaint about the page.
        assert [line for line in watched.complaints if "404" not in line] == []
        assert page.get_by_role("main").count() == page.get_by_role("heading", level=1).count() == 1


@pytest.mark.parametrize("code", ["de", "nl"])
def test_pages_of_other_languages_fit_on_a_phone(demo: Demo, code: str) -> None:
    with demo.page("Prosumer", locale=code, viewport=PHONE) as watched:
        page = watched.page
        for path in OF_OWNERS:
            page.goto(demo.path(path))
            charts_are_there(page)
            assert page.locator(f"html[lang={code}]").count() == 1
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        assert watched.complaints == []


# -- what people do ---------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_and_the_address_kept(demo: Demo) -> None:
    with demo.page("") as watched:
        page = watched.page
        page.goto(demo.address + "/assets")
        page.get_by_label("Email").fill("prosumer@demo.example.com")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        assert page.get_by_role("alert").count() == 1
        assert page.get_by_label("Email").input_value() == "prosumer@demo.example.com"


def test_the_chart_shows_what_the_server_stores(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.path("/assets/BATTERY"))
        charts_are_there(page)
        drawn = page.evaluate(
            """() => {
              const found = [...Bokeh.documents[0].all_models].filter((model) => model.name === "schedule");
              return [...found[0].data_source.data.y].filter(Number.isFinite);
            }"""
        )
        stored = page.locator("details:has-text('As a table') tbody tr").all_text_contents()
        assert len(drawn) == 2 * 96
        assert {min(drawn), max(drawn)} == {-0.5, 0.5}
        assert any("0.5" in row for row in stored)


def test_keys_lead_to_pages_and_windows_but_not_while_something_is_typed(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.address + "/dashboard")
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url("**/portfolio")
        page.keyboard.press("[")
        page.wait_for_url("**/portfolio?*start=*")
        page.keyboard.press("?")
        page.get_by_role("dialog").get_by_role("button", name="Close").click()
        page.keyboard.press("/")
        page.wait_for_url("**/assets")
        page.keyboard.press("/")
        page.keyboard.type("gp?")
        assert page.get_by_label("Search").input_value() == "gp?"
        assert page.url.endswith("/assets")
        assert watched.complaints == []


def test_the_legend_tells_the_values_at_the_cursor(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.path("/assets/BATTERY"))
        charts_are_there(page)
        chart = page.locator("#power-chart").bounding_box()
        assert chart is not None
        told = page.locator(".legend [data-at]")
        page.mouse.move(chart["x"] + 0.6 * chart["width"], chart["y"] + 100)
        page.wait_for_function(
            "[...document.querySelectorAll('[data-at]')].every((each) => each.textContent)"
        )
        texts = told.all_text_contents()
        assert len(texts) == 2
        assert re.fullmatch(r"\u2212?[\d.]+ MW", texts[0])
        assert re.fullmatch(r"[\d.]+ EUR/MWh", texts[1])
        page.mouse.move(0, 0)
        page.wait_for_function(
            "[...document.querySelectorAll('[data-at]')].every((each) => !each.textContent)"
        )
        assert watched.complaints == []


def test_charts_move_together_and_the_address_keeps_the_window(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.address + "/analytics")
        charts_are_there(page)
        box = page.locator("[data-chart]").first.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 120)
        page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + 120)
        cursors = """Bokeh.documents.map((each) => [...each.all_models].filter((one) => one.tags.includes("cursor"))
            .map((one) => [one.visible, one.location])).flat()"""
        shown = page.evaluate(cursors)
        assert len(shown) == 5
        assert len({tuple(each) for each in shown}) == 1
        assert shown[0][0]
        page.keyboard.down("Control")
        page.mouse.wheel(0, -240)
        page.keyboard.up("Control")
        starts = 'Bokeh.documents.map((each) => [...each.all_models].find((one) => one.tags.includes("time")).start)'
        assert len(set(page.evaluate(starts))) == 1
        page.wait_for_url(re.compile("start_time=2017-06-2.*end_time=2017-06-29"))
        charts_are_there(page)


def test_the_slider_replays_what_was_known(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.address + "/analytics")
        charts_are_there(page)
        slider = page.get_by_role("slider", name="As known at")
        chart = page.locator("#chart-power")
        page.evaluate("document.querySelector('#chart-power').dataset.ready = ''")
        slider.focus()
        slider.press("PageDown")
        slider.press("PageDown")
        chart.and_(page.locator("[data-chart*=known_at][data-ready=true]")).wait_for()
        assert "now" not in page.locator("[data-replay-text]").inner_text()
        assert watched.complaints == []


def test_an_admin_makes_an_asset_by_the_map_uploads_a_file_and_deletes_it(
    demo: Demo, tmp_path: Path, axe: str
) -> None:
    with demo.page("admin") as watched:
        page = watched.page
        page.goto(demo.address + "/assets")
        page.get_by_role("link", name="New asset").click()
        page.locator("#map[data-ready=true]").wait_for()
        page.get_by_label("Name").first.fill("Roof of the school")
        page.get_by_label("Type").select_option("solar")
        page.get_by_label("Capacity").fill("0.1")
        page.locator("#map").click(position={"x": 200, "y": 200})
        assert re.fullmatch(r"-?\d+\.\d{4}", page.get_by_label("Latitude").input_value())
        page.get_by_role("button", name="Add asset").click()
        page.get_by_role("heading", name="Roof of the school").wait_for()

        page.get_by_role("link", name="Upload data").click()
        file = tmp_path / "roof.csv"
        file.write_text("time,kW\n" + "".join(f"2017-06-27T{hour:02d}:00Z,{hour}\n" for hour in range(24)))
        page.locator("input[type=file]").set_input_files(file)
        page.get_by_label("Unit").fill("kW")
        page.get_by_role("button", name="Show what would be stored").click()
        page.locator("#sign-error").wait_for()
        assert faults_of(page, axe) == []
        page.get_by_label("A positive value means").select_option("production-positive")
        page.get_by_role("button", name="Show what would be stored").click()  # of the file that was kept
        page.get_by_role("button", name=re.compile("^Store")).click()
        page.get_by_role("status").filter(has_text="Stored").wait_for()

        page.goto(demo.address + "/assets?q=roof")
        page.get_by_role("link", name="Roof of the school").first.click()
        page.get_by_role("link", name="Delete").click()
        page.get_by_role("button", name=re.compile("Delete")).click()
        page.get_by_role("status").filter(has_text="Roof of the school").wait_for()
        assert [line for line in watched.complaints if "422" not in line] == []


def test_an_owner_plans_the_battery_and_reads_why(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.path("/assets/BATTERY"))
        before = page.get_by_text("The newest schedule").inner_text()
        page.get_by_label(re.compile("State of charge now")).fill("0.4")
        page.get_by_role("button", name="Plan").click()
        page.get_by_role("status").wait_for()
        for _ in range(40):
            page.goto(demo.path("/assets/BATTERY"))
            if "State of charge 0.4" in page.locator("main").inner_text():
                break
            page.wait_for_timeout(250)
        assert page.get_by_text("The newest schedule").inner_text() != "" != before
        assert page.get_by_role("heading", name="Why this plan").is_visible()


def test_the_pages_are_used_by_keyboard_alone(demo: Demo) -> None:
    with demo.page("Prosumer") as watched:
        page = watched.page
        page.goto(demo.address + "/dashboard")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent.trim()") == "Assets":
                break
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Assets", level=1).wait_for()
        page.get_by_label("Search").focus()
        page.keyboard.type("battery")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("q=battery"))
        assert page.locator("tbody tr").count() == 1
