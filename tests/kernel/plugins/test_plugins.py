"""Plugins are found, called in order, isolated when they fail, and listed with a reason."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from flexmeasures import auth
from flexmeasures.db import writing
from flexmeasures.errors import NameTaken, PluginBroken
from flexmeasures.plugins import BROKEN, INCOMPATIBLE, Plugins
from flexmeasures.plugins.discovery import ACTIVE, DISABLED
from flexmeasures.plugins.manager import blueprints_of
from flexmeasures.testing import PASSWORD, make_app


@pytest.fixture
def make_plugin(tmp_path, monkeypatch):
    """make_plugin("name", code) writes a plugin's folder and gives its path."""
    import sys

    before = set(sys.modules)

    def make(name: str, code: str, **templates: str) -> str:
        folder = tmp_path / "plugins" / name
        (folder / "templates").mkdir(parents=True)
        (folder / "__init__.py").write_text(textwrap.dedent(code))
        for template, text in templates.items():
            (folder / "templates" / f"{template}.html").write_text(text)
        return str(folder)

    yield make
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


SHOWCASE = """
    from flask import Blueprint
    NAME_bp = Blueprint("NAME", __name__, template_folder="templates")

    @NAME_bp.route("/NAME")
    def page():
        return "I am NAME"
"""
HOOK = """
    from flexmeasures import hookimpl

    @hookimpl
    def template_context(page):
        return {"who": __name__}
"""


def showcase(name: str) -> str:
    return SHOWCASE.replace("NAME", name)


def load(paths, disabled=(), strict=False) -> dict:
    plugins = Plugins(strict=strict)
    plugins.load(paths, [], disabled)
    return {plugin.name: plugin for plugin in plugins.plugins}


@pytest.mark.contract("26.1")
def test_a_folder_with_a_blueprint_is_a_plugin(make_plugin):
    plugin = load([make_plugin("our_client_a", showcase("our_client_a"))])["our_client_a"]
    assert (plugin.state, [blueprint.name for blueprint in blueprints_of(plugin)]) == (
        ACTIVE,
        ["our_client_a"],
    )


def test_a_hyphen_in_the_folder_is_an_underscore_in_the_blueprint(make_plugin):
    plugin = load([make_plugin("our-client-b", showcase("our_client_b"))])["our-client-b"]
    assert plugin.state == ACTIVE


BAD = {
    "syntax": ("def", BROKEN, "SyntaxError"),
    "missing_dependency": ("import no_such_package", BROKEN, "no_such_package"),
    "leaves": ("import sys; sys.exit(3)", BROKEN, "SystemExit"),
    "unknown_hook": (
        "from flexmeasures import hookimpl\n@hookimpl\ndef menu_itms(user): return []",
        BROKEN,
        "did you mean menu_items",
    ),
    "wrong_argument": (
        "from flexmeasures import hookimpl\n@hookimpl\ndef menu_items(person): return []",
        BROKEN,
        "person",
    ),
    "neither": ("x = 1", BROKEN, "neither a hook"),
    "future": ("__requires_flexmeasures__ = '>=9999'", INCOMPATIBLE, ">=9999"),
    "bad_range": ("__requires_flexmeasures__ = 'new'", BROKEN, "version range"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.contract("26.1")
def test_a_bad_plugin_is_skipped_with_its_reason_and_those_after_it_are_loaded(make_plugin, name):
    code, state, reason = BAD[name]
    bad, good = make_plugin(f"bad_{name}", code), make_plugin(f"good_after_{name}", HOOK)
    found = load([bad, "/no/such/folder", good])
    assert found[f"bad_{name}"].state == state
    assert reason in found[f"bad_{name}"].reason
    assert found["folder"].state == BROKEN
    assert found[f"good_after_{name}"].state == ACTIVE


def test_strict_loading_raises(make_plugin):
    with pytest.raises(PluginBroken, match="neither a hook"):
        load([make_plugin("bad_strict", "x = 1")], strict=True)


def test_a_disabled_plugin_is_not_imported(make_plugin):
    found = load([make_plugin("never", "raise RuntimeError")], disabled=["never"])
    assert found["never"].state == DISABLED


def test_a_module_of_the_same_name_from_elsewhere_is_not_taken_for_the_plugin(make_plugin):
    plugin = load([make_plugin("json", showcase("json"))])["json"]
    assert (plugin.state, "imported already" in plugin.reason) == (BROKEN, True)


def test_hooks_are_called_in_the_listed_order_and_before_built_ins(make_plugin):
    plugins = Plugins()
    plugins.load([make_plugin("first_x", HOOK), make_plugin("second_x", HOOK)], [])
    names = [name for name, _ in plugins.callers("template_context")]
    assert names[:2] == ["first_x", "second_x"]
    kinds = [plugin.kind for plugin in plugins.plugins]
    assert kinds == sorted(kinds, key=["path", "package", "built-in"].index)


def test_a_taken_name_is_refused_unless_its_replacement_is_stated(make_plugin):
    plugins = Plugins()
    plugins.load([make_plugin("one_y", HOOK), make_plugin("two_y", HOOK)], [])
    one, two = plugins.active[:2]
    plugins.claim("blueprint", "assets", one)
    with pytest.raises(NameTaken, match=r"two_y .* one_y"):
        plugins.claim("blueprint", "assets", two)
    two.module.__replaces__ = ["one_y.assets"]
    plugins.claim("blueprint", "assets", two)
    assert plugins.holder("blueprint", "assets") is two


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_entry_of_the_plugin_paths_names_no_plugin(make_plugin, tmp_path, monkeypatch, empty):
    monkeypatch.chdir(make_plugin("here", "raise RuntimeError('imported')"))
    app = app_with(tmp_path, empty)
    assert [
        plugin.name for plugin in app.extensions["flexmeasures"].plugins.plugins if plugin.kind == "path"
    ] == []


def app_with(tmp_path: Path, *paths: str, **settings):
    return make_app(
        tmp_path / "instance",
        FLEXMEASURES_PLUGIN_PATHS=list(paths),
        FLEXMEASURES_STRICT_PLUGINS=False,
        **settings,
    )


def test_pages_of_path_plugins_are_served_and_a_template_wins_that_is_stated_to_replace_ours(
    make_plugin, tmp_path
):
    code = showcase("pretty").replace(
        'return "I am pretty"',
        "from flexmeasures.ui.utils.view_utils import render_flexmeasures_template\n"
        '        return render_flexmeasures_template("pretty.html", message="hello")',
    )
    path = make_plugin(
        "pretty",
        "__replaces__ = ['ui.base.html']\n" + textwrap.dedent(code),
        pretty='{% extends "base.html" %}{% block divs %}<b>{{ message }}</b>{% endblock %}',
        base="<title>mine</title>{% block divs %}{% endblock %}",
    )
    response = app_with(tmp_path, path).test_client().get("/pretty")
    assert response.text == "<title>mine</title><b>hello</b>"


def test_a_second_app_in_the_process_serves_the_same_plugin(make_plugin, tmp_path):
    path = make_plugin("twice", showcase("twice"))
    for place in ("a", "b"):
        assert app_with(tmp_path / place, path).test_client().get("/twice").text == "I am twice"


def test_a_blueprint_that_claims_a_page_of_the_house_is_refused(make_plugin, tmp_path):
    app = app_with(tmp_path, make_plugin("thief", showcase("thief").replace('"/thief"', '"/login"')))
    plugin = next(p for p in app.extensions["flexmeasures"].plugins.plugins if p.name == "thief")
    assert (plugin.state, "/login" in plugin.reason) == (BROKEN, True)
    assert app.test_client().get("/login").status_code == 200


def test_a_page_hook_that_raises_leaves_the_page_standing(make_plugin, tmp_path):
    raising = make_plugin("raising_z", HOOK.replace('return {"who": __name__}', "raise ValueError"))
    page = showcase("calm").replace(
        'return "I am calm"',
        "from flexmeasures.ui.utils.view_utils import render_flexmeasures_template\n"
        '        return render_flexmeasures_template("calm.html")',
    )
    calm = make_plugin("calm", page, calm="calm {{ who }}")
    helper = make_plugin("helper_z", HOOK)
    assert app_with(tmp_path, raising, calm, helper).test_client().get("/calm").text == "calm helper_z"


def test_health_names_broken_plugins_and_stays_up(make_plugin, tmp_path):
    app = app_with(tmp_path, make_plugin("ill", "x = 1"))
    response = app.test_client().get("/health")
    assert response.status_code == 200
    assert response.json["status"] == "degraded"
    assert response.json["parts"]["plugin ill"]["ok"] is False
    assert response.json["parts"]["database"]["ok"] is True


def test_curtail_shift_is_one_of_the_house_also_without_plugins():
    plugins = Plugins(only_built_ins=True)
    plugins.load([], [])
    (found,) = [plugin for plugin in plugins.plugins if "curtail" in plugin.name]
    assert (found.kind, found.state) == ("built-in", "active")


def test_menu_items_are_asked_once_a_page(make_plugin, tmp_path):
    code = """
    from flexmeasures import hookimpl
    ASKED = []

    @hookimpl
    def menu_items(user):
        ASKED.append(user.username)
        return []
    """
    app = app_with(tmp_path, make_plugin("asks", code))
    with app.app_context(), writing():
        auth.create_user("ada", "ada@example.com", PASSWORD, ["Prosumer"])
    client = app.test_client()
    client.post("/login", data={"email": "ada@example.com", "password": PASSWORD})
    (asks,) = [each for each in app.extensions["flexmeasures"].plugins.active if each.name == "asks"]
    asks.module.ASKED.clear()
    assert client.get("/assets").status_code == 200
    assert asks.module.ASKED == ["ada"]


BRINGS_A_HOOK = """
    from types import ModuleType
    from flexmeasures import hookimpl
    from flexmeasures.hookspecs import hookspec

    specifications = ModuleType("specifications")
    found = []

    @hookspec
    def NAME_colours() -> list[str]:
        "Called in create(): colours."

    NAME_colours.__globals__["__name__"] = __name__
    specifications.NAME_colours = NAME_colours

    @hookimpl
    def register_hookspecs():
        return [specifications]

    @hookimpl
    def set_up(app):
        for plugin, brought in app.extensions["flexmeasures"].plugins.asked("NAME_colours"):
            found.extend(brought)
"""
GIVES_TO_IT = """
    from flexmeasures import hookimpl

    @hookimpl
    def asks_colours():
        return COLOURS
"""


def test_a_plugin_brings_a_hook_that_another_one_answers(make_plugin, tmp_path):
    brings = make_plugin("asks", BRINGS_A_HOOK.replace("NAME", "asks"))
    gives = make_plugin("gives", GIVES_TO_IT.replace("COLOURS", "['red', 'blue']"))
    app = make_app(tmp_path / "instance", FLEXMEASURES_PLUGIN_PATHS=[gives, brings])
    [plugin] = [each for each in app.extensions["flexmeasures"].plugins.active if each.name == "asks"]
    assert plugin.module.found == ["red", "blue"]


def test_a_wrong_answer_to_the_hook_of_a_plugin_is_its_authors_fault(make_plugin, tmp_path):
    brings = make_plugin("asks", BRINGS_A_HOOK.replace("NAME", "asks"))
    gives = make_plugin("gives", GIVES_TO_IT.replace("COLOURS", "[1]"))
    settings = {"FLEXMEASURES_PLUGIN_PATHS": [gives, brings], "FLEXMEASURES_STRICT_PLUGINS": False}
    app = make_app(tmp_path / "instance", **settings)
    states = {each.name: (each.state, each.reason) for each in app.extensions["flexmeasures"].plugins.plugins}
    assert states["asks"][0] == ACTIVE
    assert states["gives"][0] == BROKEN
    assert "Accepted: a list of names" in states["gives"][1]


def test_a_hook_that_another_plugin_or_the_kernel_has_is_not_brought_again(make_plugin):
    plugins = Plugins()
    code = BRINGS_A_HOOK.replace("NAME_colours", "home").replace("NAME", "asks")
    plugins.load([make_plugin("asks", code)], [])
    [plugin] = [each for each in plugins.plugins if each.name == "asks"]
    assert (plugin.state, "the kernel's" in plugin.reason) == (BROKEN, True)


def test_a_hook_of_a_package_that_is_not_active_names_the_package(make_plugin):
    plugins = Plugins()
    code = "from flexmeasures import hookimpl\n@hookimpl\ndef register_forecasters(): return []\n"
    plugins.load([make_plugin("ours", code)], [], ["forecasting"])
    [plugin] = [each for each in plugins.plugins if each.name == "ours"]
    assert plugin.state == BROKEN
    assert "it comes with the package flexmeasures-forecasting" in plugin.reason
