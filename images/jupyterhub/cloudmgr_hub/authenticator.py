"""Sign-in with userid and API key."""

import os
import re

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Unicode, default

from .config_api import Refused, Unreachable, read_config

# As cloudmgr makes them; anything else never reaches the API.
ACCOUNT = re.compile(r"[a-z][a-z0-9]{2,29}")
# They hold keys, but nobody sits behind them.
MACHINES = {"omworker", "jyadmin"}


class ConfigApiAuthenticator(Authenticator):
    """An account may sign in when the hub gives it its configuration for the API key that was typed as password."""

    api_url = Unicode(help="The hub's URL, without /api.").tag(config=True)

    @default("api_url")
    def _api_url(self):
        return os.environ["OMEGA_RESTAPI_URL"]

    def validate_username(self, username):
        return ACCOUNT.fullmatch(username) is not None and super().validate_username(username)

    async def authenticate(self, handler, data):
        return await account_of_key(self, data["username"], data["password"])


async def account_of_key(authenticator, name, key):
    """The account when the API gives it its configuration for that key; None when the key is wrong."""
    if not authenticator.validate_username(name) or name in MACHINES or not re.fullmatch(r"[\x21-\x7e]{1,4096}", key):
        return None
    try:
        config = await read_config(authenticator.api_url, name, key)
    except Refused:
        return None
    except Unreachable as error:
        authenticator.log.error("sign-in of %s: %s", name, error)
        raise HTTPError(503, "The sign-in service does not answer. Please try again in a moment.") from error
    # The key decides who it is, not the form.
    return name if config.get("OMEGA_USERID") == name else None
