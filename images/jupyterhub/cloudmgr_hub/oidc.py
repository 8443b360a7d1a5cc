"""Sign-in through the portal (OpenID Connect); userid and API key go on to work beside it."""

import os

from oauthenticator.generic import GenericOAuthenticator
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from traitlets import Unicode, default

from .authenticator import ACCOUNT, MACHINES, account_of_key

FORM = """
<div class="card" style="max-width: 26rem; margin: 3rem auto; padding: 1.5rem">
  <h1 style="font-size: 1.5rem">Sign in</h1>
  {% if login_error %}<p class="login_error" role="alert">{{ login_error | e }}</p>{% endif %}
  <a role="button" class="btn btn-jupyter" style="width: 100%" href="{{ authenticator_login_url }}">Continue with omega|ml</a>
  <p style="margin: 1.25rem 0 .5rem; text-align: center">or with your API key</p>
  <form action="BASElogin?next={{ next }}" method="post" role="form">
    <input type="hidden" name="_xsrf" value="{{ xsrf }}">
    <label for="username_input">User ID</label>
    <input id="username_input" class="form-control" name="username" value="{{ (username or '') | e }}" autocapitalize="off"
           autocorrect="off" autocomplete="username" required>
    <label for="password_input" style="margin-top: .75rem">API key</label>
    <input id="password_input" class="form-control" type="password" name="password" autocomplete="current-password" required>
    <input id="login_submit" type="submit" class="btn btn-outline-secondary form-control" style="margin-top: 1rem" value="Sign in">
  </form>
</div>
"""


class PortalAuthenticator(GenericOAuthenticator):
    """A sign-in that came from the portal ends when its session there ends."""

    api_url = Unicode(help="The hub's internal URL, without /api.").tag(config=True)

    @default("api_url")
    def _api_url(self):
        return os.environ["OMEGA_RESTAPI_URL"]

    def get_custom_html(self, base_url):
        return FORM.replace("BASE", base_url)

    def validate_username(self, username):
        return ACCOUNT.fullmatch(username) is not None and super().validate_username(username)

    async def authenticate(self, handler, data=None, **kwargs):
        if data and "password" in data:
            name = await account_of_key(self, data["username"], data["password"])
            return None if name is None else {"name": name, "auth_state": {"sid": None}}
        model = await super().authenticate(handler, data, **kwargs)
        if model is None or model["name"] in MACHINES:
            return None
        # Tokens end in minutes and are not needed again: what counts is the session behind them.
        sid = model["auth_state"]["oauth_user"].get("sid")
        return {"name": model["name"], "auth_state": {"sid": sid}}

    async def refresh_user(self, user, handler=None, **kwargs):
        sid = (await user.get_auth_state() or {}).get("sid")
        if sid is None:
            return True
        request = HTTPRequest(f"{self.api_url.rstrip('/')}/oidc/sessions/{sid}", connect_timeout=3, request_timeout=5)
        try:
            await AsyncHTTPClient().fetch(request)
            return True
        except HTTPError as error:
            if error.code == 404:
                return False
            # The portal does not answer: nobody is signed out for that.
            self.log.warning("session of %s could not be checked: %s", user.name, error)
            return True
