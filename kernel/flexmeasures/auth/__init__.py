"""Users: who they are, what they may do, how they log in."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.auth.limiting import limit_guesses as limit_guesses
    from flexmeasures.auth.limiting import takes_password as takes_password
    from flexmeasures.auth.mail import MailNotSent as MailNotSent
    from flexmeasures.auth.permissions import current_user as current_user
    from flexmeasures.auth.permissions import login_required as login_required
    from flexmeasures.auth.permissions import may as may
    from flexmeasures.auth.permissions import roles_required as roles_required
    from flexmeasures.auth.setup import init as init
    from flexmeasures.auth.setup import new_token as new_token
    from flexmeasures.auth.user_schemas import UserSchema as UserSchema
    from flexmeasures.auth.users import create_user as create_user
    from flexmeasures.auth.users import delete_user as delete_user
    from flexmeasures.auth.users import reset_password as reset_password
    from flexmeasures.auth.users import update_user as update_user

__all__, __getattr__ = door(
    __name__,
    {
        "limiting": ("limit_guesses", "takes_password"),
        "mail": ("MailNotSent",),
        "permissions": ("current_user", "login_required", "may", "roles_required"),
        "setup": ("init", "new_token"),
        "user_schemas": ("UserSchema",),
        "users": ("create_user", "delete_user", "reset_password", "update_user"),
    },
)
