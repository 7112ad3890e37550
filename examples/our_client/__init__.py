"""A plugin in the form of the documentation's showcase: a page in the layout of FlexMeasures, and a command.

Try it: FLEXMEASURES_PLUGIN_PATHS=examples/our_client flexmeasures our_client test
"""

from flask import Blueprint, render_template, abort

from flask_security import login_required
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template


our_client_bp = Blueprint("our_client", "our_client", template_folder="templates")


# A page, for whoever is logged in


@our_client_bp.route("/metrics")
@login_required
def metrics():
    msg = "I am part of FM !"
    # Rendered like any page of FlexMeasures: its menu and look are there without our doing.
    return render_flexmeasures_template("metrics.html", message=msg)


# A command that reaches the app

import click
from flask import current_app
from flask.cli import with_appcontext

our_client_bp.cli.help = "Our client commands"


@our_client_bp.cli.command("test")
@with_appcontext
def oc_test():
    print(f"I am a CLI command, part of FlexMeasures: {current_app}")
