"""`flexmeasures shell`: Python with the app at hand."""

from __future__ import annotations

import click


@click.command()
@click.pass_context
def shell(ctx: click.Context) -> None:
    """Open Python with the app at hand.

    At hand: app, db (db.session), the models (Sensor, Asset, Market, WeatherSensor, Source, User ...).
    """
    import code

    from flexmeasures import models
    from flexmeasures.cli.root import app_of
    from flexmeasures.db import db

    app = app_of(ctx)
    names = {"app": app, "db": db} | {name: getattr(models, name) for name in models.__all__}
    with app.app_context():
        banner = f"FlexMeasures in {app.config['FLASK_ENV']}\nInstance folder: {app.instance_path}"
        code.interact(banner=banner, local=names, exitmsg="")
