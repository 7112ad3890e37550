"""`flexmeasures add user` and `delete user`."""

from __future__ import annotations

import click

from flexmeasures.cli.options import ask, with_app


@click.command("user")
@click.option("--username", required=True, help="Name of the user, which nobody else has.")
@click.option("--email", required=True, help="Email address, with which the user logs in.")
@click.option("--roles", default="", help="Roles separated by commas, such as anonymous,Prosumer,CPO.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Amsterdam.")
@with_app
def add_user(username: str, email: str, roles: str, timezone: str) -> None:
    """Create a user. Asks twice for the password."""
    from flexmeasures import auth
    from flexmeasures.db import writing
    from flexmeasures.timing import timezone as checked_timezone

    checked_timezone(timezone, "--timezone")
    names = [name.strip() for name in roles.split(",") if name.strip()]
    password = click.prompt("Password", hide_input=True, confirmation_prompt="Repeat the password")
    with writing() as session:
        user = auth.create_user(username, email, password, names, timezone)
        session.flush()
    given = f" with roles {', '.join(sorted(user.role_names))}" if names else " without roles"
    click.echo(f"Added user {user.username} (ID:{user.id}), {user.email},{given}.")


@click.command("user")
@click.option("--email", required=True, help="Email address of the user.")
@click.option("--force", is_flag=True, help="Do not ask.")
@with_app
def delete_user(email: str, force: bool) -> None:
    """Delete a user, the user's assets and all of their data."""
    from sqlalchemy import func, select

    from flexmeasures import auth
    from flexmeasures.db import db, writing
    from flexmeasures.errors import NotFound
    from flexmeasures.models import User

    found = select(User).where(func.lower(User.email) == email.strip().lower())
    user = db.session.scalar(found)
    if user is None:
        raise NotFound(f"There is no user with email address {email!r}.", "--email", "the address of a user")
    assets = ", ".join(sensor.name for sensor in user.sensors) or "no assets"
    ask(f"Delete user {user.username} (ID:{user.id}), with {assets} and their data?", force)
    with writing() as session:
        user = session.scalars(found).one()
        owned = len(user.sensors)
        values = auth.delete_user(user)
    click.echo(f"Deleted user {user.username}, {owned} assets and {values} values.")
