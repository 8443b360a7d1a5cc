"""The configuration of an account, as the service's internal port gives it."""
import json
import os

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.httputil import url_concat


async def read_config(userid, apikey, **query):
    """The account's configuration; None when the service refuses these credentials. Other failures are raised."""
    url = url_concat(os.environ["OMEGA_RESTAPI_URL"].rstrip("/") + "/api/v1/config/", query)
    headers = {"Authorization": "ApiKey %s:%s" % (userid, apikey), "Qualifier": "default"}
    request = HTTPRequest(url, headers=headers, connect_timeout=5, request_timeout=15)
    try:
        answer = await AsyncHTTPClient().fetch(request)
    except HTTPClientError as error:
        if error.code in (400, 401, 403, 404):
            return None
        raise
    return json.loads(answer.body)["objects"][0]["data"]


async def read_config_of(userid):
    """The in-cluster view of another account's configuration; JupyterHub's own account has the right to it."""
    return await read_config(os.environ["OMEGA_JYHUB_USER"], os.environ["OMEGA_JYHUB_APIKEY"], user=userid, view="1")
