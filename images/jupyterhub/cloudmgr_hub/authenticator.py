import re

from jupyterhub.auth import Authenticator
from tornado.httpclient import HTTPError as FetchError
from tornado.web import HTTPError

from .config_api import read_config

USERID = re.compile(r"[a-z][a-z0-9]{2,29}")


class AccountAuthenticator(Authenticator):
    """Users sign in with userid and API key; the service says whether they are right."""

    async def authenticate(self, handler, data):
        userid, apikey = data["username"].strip().lower(), data["password"].strip()
        # Anything else could end the header early, or name the hub's own account.
        if not USERID.fullmatch(userid) or not apikey.isalnum():
            return None
        try:
            config = await read_config(userid, apikey)
        except (OSError, FetchError) as error:
            self.log.warning("sign-in of %s could not be checked: %s", userid, error)
            raise HTTPError(503, "Signing in is not possible right now: the service does not answer. Please try again.")
        return None if config is None else userid
