"""No plugin takes the platform down: broken ones, alone and together, leave every page and endpoint standing."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

import flexmeasures_master_data as master_data
from flexmeasures import auth
from flexmeasures.cli import cli
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, User
from flexmeasures.testing import PASSWORD, make_app

from .bad_plugins import TWELVE, Bad, generate

pytestmark = pytest.mark.usefixtures("forget_modules")

SEED = int(os.environ.get("FLEXMEASURES_TEST_SEED", "3"))


def app_with(folder: Path, *paths: str, **settings: Any) -> Flask:
    return make_app(
        folder / "instance",
        FLEXMEASURES_PLUGIN_PATHS=list(paths),
        FLEXMEASURES_STRICT_PLUGINS=False,
        **settings,
    )


def plugins_of(app: Flask) -> dict[str, Any]:
    return {plugin.name: plugin for plugin in app.extensions["flexmeasures"].plugins.plugins}


def statuses(app: Flask, only: set[str] | None = None) -> dict[str, int]:
    """The status that an admin's GET of each address gets (a token is renewed by none of them)."""
    with app.app_context(), writing():
        if db.session.query(User).first() is None:
            master_data.seed(db.session)
            auth.create_user("admin", "admin@example.com", PASSWORD, ["admin"])
    with app.app_context():
        headers = {"Authorization": auth.new_token(db.session.query(User).first())}
    found = {}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and (only is None or rule.rule in only):
            address = re.sub(r"<(int:)?[^>]*>", "1", rule.rule)
            found[rule.rule] = app.test_client().get(address, headers=headers).status_code
    return found


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What the pages answer when there are no plugins but the built-ins."""
    return statuses(app_with(tmp_path_factory.mktemp("plain")))


def assert_right(app: Flask, bad: dict[str, Bad], expected: dict[str, int]) -> None:
    """Every built-in page answers as ever; the state and the failures of each plugin are known."""
    assert statuses(app, set(expected)) == expected
    assert app.test_client().get("/no-such-page").status_code == 404
    assert app.test_client().get("/api/no-such-page").status_code == 404
    parts = app.test_client().get("/health").json["parts"]
    found = plugins_of(app)
    for name, each in bad.items():
        assert (name, found[name].state) == (name, each.state), found[name].reason
        assert each.reason in found[name].reason
        assert parts[f"plugin {name}"]["ok"] is False, each.code
        assert each.fails_in in parts[f"plugin {name}"]["detail"]
    for name, plugin in found.items():
        assert plugin.state == "active" or name in bad


def assert_listed_and_checked(folder: Path, paths: list[str], bad: dict[str, Bad], monkeypatch: Any) -> None:
    """`plugins list` tells state and reason of each, `plugins check` fails and names each that is not active."""
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(folder / "instance"))
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", ",".join(paths))
    listed = {
        row["name"]: row for row in json.loads(CliRunner().invoke(cli, ["plugins", "list", "--json"]).stdout)
    }
    checked = CliRunner().invoke(cli, ["plugins", "check"])
    for name, each in bad.items():
        assert listed[name]["state"] == each.state
        assert each.reason in listed[name]["reason"]
        if each.state != "active":
            assert f"{name} (folder" in checked.output
            assert checked.exit_code == 1
    assert all(row["state"] == "active" for name, row in listed.items() if name not in bad)


@pytest.mark.parametrize("name", TWELVE)
def test_each_of_twelve_bad_plugins_alone_leaves_all_pages_standing(
    name: str, tmp_path: Path, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [TWELVE[name].write(tmp_path, name)]
    assert_right(app_with(tmp_path, *paths), {name: TWELVE[name]}, expected)
    assert_listed_and_checked(tmp_path, paths, {name: TWELVE[name]}, monkeypatch)


def test_twelve_bad_plugins_together_leave_all_pages_and_the_good_ones_standing(
    tmp_path: Path, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [bad.write(tmp_path, name) for name, bad in TWELVE.items()]
    good = Bad(TWELVE["exits"].code.split("import sys")[0]).write(tmp_path, "good_one")
    app = app_with(tmp_path, *paths, good)
    assert_right(app, TWELVE, expected)
    assert app.test_client().get("/good_one").text == "I am good_one"
    assert app.test_client().get("/raising_hook").status_code == 404, "half a plugin is worse than none"
    assert_listed_and_checked(tmp_path, [*paths, good], TWELVE, monkeypatch)


def test_fifty_randomly_broken_plugins_leave_all_pages_standing(
    tmp_path: Path, expected: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = generate(50, SEED)
    paths = [each.write(tmp_path, name) for name, each in bad.items()]
    app = app_with(tmp_path, *paths)
    app.test_client().get("/login")  # a page with a menu, a form and addresses
    assert_right(app, bad, expected)
    assert_listed_and_checked(tmp_path, paths, bad, monkeypatch)


def test_reasons_name_file_and_line(tmp_path: Path) -> None:
    code = "import os\n\nraise ValueError('here')\n"
    app = app_with(tmp_path, Bad(code).write(tmp_path, "told"))
    assert plugins_of(app)["told"].reason == f"ValueError: here ({tmp_path}/told/__init__.py, line 3)"


# -- imports that hang ----------------------------------------------------------------------------------

HANGS = {
    "sleeps": "import time\ntime.sleep(60)",
    "is_busy": "while True: pass",
    "swallows": "import time\nwhile True:\n    try: time.sleep(60)\n    except Exception: pass",
    "hook_sleeps": "import time\nfrom flexmeasures import hookimpl\n@hookimpl\ndef register_queues(): time.sleep(60)",
}


@pytest.mark.parametrize("name", HANGS)
def test_what_hangs_is_given_up_after_the_set_time(name: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    app = app_with(tmp_path, Bad(HANGS[name]).write(tmp_path, name), FLEXMEASURES_PLUGIN_TIMEOUT="PT0.5S")
    assert time.monotonic() - begin < 10
    plugin = plugins_of(app)[name]
    assert plugin.state == "broken"
    assert "it hangs: not done after 0.5 seconds" in plugin.reason
    assert f"{name}/__init__.py, line" in plugin.reason


def test_an_import_that_hangs_is_given_up_in_other_threads_too(tmp_path: Path) -> None:
    from threading import Event, Thread

    from flexmeasures.plugins import Plugins

    sys.is_over = Event()  # type: ignore[attr-defined]  the plugin waits for it, so that its thread can end
    path = Bad("import sys\nsys.is_over.wait(60)").write(tmp_path, "waits")
    plugins = Plugins(patience=0.3)
    thread = Thread(target=plugins.load, args=([path], []))
    thread.start()
    thread.join(20)
    sys.is_over.set()  # type: ignore[attr-defined]
    waits = next(plugin for plugin in plugins.plugins if plugin.name == "waits")
    assert (waits.state, "it hangs" in waits.reason) == ("broken", True)


# -- who and may ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["raise OSError('away')", "return 'anybody'", "import sys; sys.exit()"])
def test_a_plugin_that_fails_in_authenticate_refuses_the_request_and_shows_in_health(
    answer: str, tmp_path: Path
) -> None:
    code = f"from flexmeasures import hookimpl\n@hookimpl\ndef authenticate(request): {answer}"
    app = app_with(tmp_path, Bad(code).write(tmp_path, "who"))
    assert app.test_client().get("/api/v2_0/assets").status_code == 401
    part = app.test_client().get("/health").json["parts"]["plugin who"]
    assert part == {"ok": False, "detail": "fails in authenticate; see the log"}


@pytest.mark.parametrize("answer", ["raise OSError('away')", "return 'yes'"])
def test_a_plugin_that_fails_in_may_refuses_the_request_and_shows_in_health(
    answer: str, tmp_path: Path
) -> None:
    code = f"from flexmeasures import hookimpl\n@hookimpl\ndef may(user, action, thing): {answer}"
    app = app_with(tmp_path, Bad(code).write(tmp_path, "judge"))
    with app.app_context(), writing() as session:
        master_data.seed(session)
        user = auth.create_user("admin", "admin@example.com", PASSWORD, ["admin"])
        headers = {"Authorization": auth.new_token(user)}
        own_id = user.id
    with app.test_request_context("/"):
        assert auth.may(db.session.get(User, own_id), "read", Asset(name="x")) is False
    response = app.test_client().get(f"/api/v2_0/user/{own_id}", headers=headers)
    assert response.status_code in (403, 404)
    part = app.test_client().get("/health").json["parts"]["plugin judge"]
    assert part == {"ok": False, "detail": "fails in may; see the log"}


def test_abort_in_before_app_request_stands_since_it_is_an_answer(tmp_path: Path) -> None:
    code = """
        from flask import Blueprint, abort
        closed_bp = Blueprint("closed", __name__)
        @closed_bp.before_app_request
        def close():
            abort(403)
        """
    app = app_with(tmp_path, Bad(code).write(tmp_path, "closed"))
    assert app.test_client().get("/login").status_code == 403


# -- names ----------------------------------------------------------------------------------------------

PAGE = """
    from flask import Blueprint
    __replaces__ = REPLACES
    NAME_bp = Blueprint("NAME", __name__)
    @NAME_bp.route("/shared/<int:number>")
    def page(number):
        return "NAME"
    """


def page_plugin(folder: Path, name: str, replaces: list[str], more: str = "") -> str:
    code = PAGE.replace("REPLACES", repr(replaces)) + more
    return Bad(code).write(folder, name)


def test_a_page_is_refused_naming_both_replaced_when_stated_and_given_back_when_the_replacer_breaks(
    tmp_path: Path,
) -> None:
    later, refused = page_plugin(tmp_path, "later", []), page_plugin(tmp_path, "refused", [])
    app = app_with(tmp_path / "a", refused, later)  # the last listed is registered first
    assert "of plugin refused is already brought by plugin later" in plugins_of(app)["refused"].reason
    assert app.test_client().get("/shared/1").text == "later"
    replacing = page_plugin(tmp_path, "replacing", ["later./shared/<int:number>"])
    app = app_with(tmp_path / "b", replacing, later)
    assert app.test_client().get("/shared/1").text == "replacing"
    hub = app.extensions["flexmeasures"].plugins
    with hub.guarding(plugins_of(app)["replacing"]):
        raise ValueError
    assert app.test_client().get("/shared/1").text == "later"
    assert hub.holder("page", "GET /shared/<int>").name == "later"


def test_a_blueprint_is_replaced_by_its_name(tmp_path: Path) -> None:
    old = page_plugin(tmp_path, "old", [])
    new = Bad(
        PAGE.replace("REPLACES", "['old.old']")
        .replace('Blueprint("NAME"', 'Blueprint("old"')
        .replace("/shared", "/newer")
    ).write(tmp_path, "new")
    app = app_with(tmp_path, new, old)
    assert plugins_of(app)["new"].state == "active", plugins_of(app)["new"].reason
    assert app.test_client().get("/newer/1").text == "new"
    assert app.test_client().get("/shared/1").status_code == 404


@pytest.mark.parametrize(
    ("hook", "answer", "kind"),
    [
        ("register_queues", "['shared']", "queue"),
        ("register_jobs", "{'shared': print}", "job function"),
        ("register_settings", "[Setting('SHARED', 1, int, 'A size.')]", "setting"),
    ],
)
def test_queues_job_functions_and_settings_are_given_out_once(
    hook: str, answer: str, kind: str, tmp_path: Path
) -> None:
    code = "from flexmeasures import hookimpl\nfrom flexmeasures.config import Setting\n"
    code += f"@hookimpl\ndef {hook}(): return {answer}\n"
    first, second = Bad(code).write(tmp_path, "first"), Bad(code).write(tmp_path, "second")
    found = plugins_of(app_with(tmp_path / "a", second, first))
    assert re.search(rf"{kind} '(?i:shared)' of plugin second .* plugin first", found["second"].reason)
    (tmp_path / "second" / "__init__.py").write_text(
        code + f"__replaces__ = ['{kind}.' + n for n in ('shared', 'SHARED')]"
    )
    _forget("second")
    assert plugins_of(app_with(tmp_path / "b", second, first))["second"].state == "active"


def _forget(name: str) -> None:
    del sys.modules[name]


def test_a_wrong_value_of_a_plugin_s_setting_breaks_that_plugin_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_SIZE", "many")
    code = "from flexmeasures.config import Setting\nfrom flexmeasures import hookimpl\n"
    code += "__settings__ = [Setting('OWN_SIZE', 1, int, 'A size.')]\n@hookimpl\ndef home(user): pass"
    plugin = plugins_of(app_with(tmp_path, Bad(code).write(tmp_path, "sized")))["sized"]
    assert "OWN_SIZE = 'many' (environment) is not accepted" in plugin.reason
    monkeypatch.setenv("OWN_SIZE", "7")
    _forget("sized")
    assert app_with(tmp_path, str(tmp_path / "sized")).config["OWN_SIZE"] == 7


def test_a_plugin_of_the_same_name_as_another_is_refused_and_the_other_stays(tmp_path: Path) -> None:
    paths = [page_plugin(tmp_path / place, "twin", []) for place in ("a", "b")]
    app = app_with(tmp_path, *paths)
    states = [
        plugin.state for plugin in app.extensions["flexmeasures"].plugins.plugins if plugin.name == "twin"
    ]
    assert sorted(states) == ["active", "broken"]
    assert app.test_client().get("/shared/1").text == "twin"


# -- packages -------------------------------------------------------------------------------------------


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """install(name, code, requires) puts a distribution with the plugin `name` on sys.path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, code: str, *requires: str, commands: str = "") -> None:
        metadata = site / f"{name}-1.0.dist-info"
        metadata.mkdir()
        lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
        metadata.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}"
        )
        metadata.joinpath("entry_points.txt").write_text(
            f"[flexmeasures.plugins]\n{name} = {name}\n[flexmeasures.commands]\n{commands}\n"
        )
        (site / f"{name}.py").write_text(code)

    return install


def test_a_package_whose_metadata_ask_for_another_version_is_not_imported(
    install: Callable[..., None], tmp_path: Path
) -> None:
    install("from_the_future", "raise RuntimeError('imported')", "flexmeasures>=9999", "flexmeasures-api>=1")
    plugin = plugins_of(app_with(tmp_path))["from_the_future"]
    assert (plugin.state, plugin.reason[:31]) == ("incompatible", "it asks for flexmeasures >=9999")
    assert "from_the_future" not in sys.modules


def test_safe_mode_loads_only_built_ins_in_this_process_and_those_that_it_starts(
    install: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("extra", "raise RuntimeError('imported')", commands="extra = extra:extra")
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", Bad("1 / 0").write(tmp_path, "folder_x"))
    result = CliRunner().invoke(cli, ["--no-plugins", "plugins", "list", "--json"])
    listed = {row["name"]: row for row in json.loads(result.stdout)}
    assert listed["extra"]["reason"] == listed["folder_x"]["reason"] == "safe mode (--no-plugins)"
    assert all(row["state"] == "active" for row in listed.values() if row["kind"] == "built-in")
    assert "extra" not in sys.modules
    assert CliRunner().invoke(cli, ["--no-plugins", "plugins", "check"]).exit_code == 0
    assert "No such command" in CliRunner().invoke(cli, ["--no-plugins", "extra"]).stderr
    assert "FLEXMEASURES_NO_PLUGINS" not in os.environ
    assert CliRunner().invoke(cli, ["plugins", "check"]).exit_code == 1


def test_of_two_packages_with_one_command_the_second_is_refused_unless_it_replaces(
    install: Callable[..., None], tmp_path: Path
) -> None:
    from flexmeasures.cli import entries

    install("aa_one", "", commands="shared = aa_one:command")
    install("bb_two", "", commands="shared = bb_two:command")
    reason = plugins_of(app_with(tmp_path))["bb_two"].reason
    assert "command 'shared' of plugin bb_two is already brought by plugin aa_one" in reason
    assert entries()["shared"].package == "aa-one"
    install("cc_three", "__replaces__ = ['aa_one.shared']", commands="shared = cc_three:command")
    assert plugins_of(app_with(tmp_path))["cc_three"].state == "active"
    assert entries()["shared"].package == "cc-three"
