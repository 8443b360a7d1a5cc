"""The hub's config API as JupyterHub uses it."""

import json
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPRequest



class Refused(Exception):
    """The API knows the caller and says no, or does not know the caller."""


class Unreachable(Exception):
    """No answer that could be used; trying again may help."""


async def read_config(base_url, userid, apikey, *, user=None, inside=True):
    """The configuration of `user`, or of the caller when none is named."""
    query = [f"user={quote(user, safe='')}"] if user else []
    query += ["view=1"] if inside else []
    request = HTTPRequest(
        f"{base_url.rstrip('/')}/api/v1/config/?{'&'.join(query)}",
        headers={"Authorization": f"ApiKey {userid}:{apikey}", "Qualifier": "default"},
        connect_timeout=5,
        request_timeout=15,
        follow_redirects=False,
    )
    try:
        response = await AsyncHTTPClient(force_instance=False).fetch(request, raise_error=False)
    except Exception as error:
        raise Unreachable(f"asking {base_url} for a configuration: {error}") from error
    if response.code in (401, 403, 404):
        raise Refused(f"{base_url} answered {response.code}")
    try:
        if response.code == 200:
            return json.loads(response.body)["objects"][0]["data"]
    except (ValueError, LookupError, TypeError) as error:
        raise Unreachable(f"{base_url} answered with something else than a configuration") from error
    raise Unreachable(f"{base_url} answered {response.code}: {response.error}")
