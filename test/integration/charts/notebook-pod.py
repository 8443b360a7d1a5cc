"""Prints the pod that the hub would start for an account with this configuration (JSON on stdin), by the image's own files."""

import asyncio
import json
import os
import sys

from jupyterhub.objects import Hub, Server
from kubernetes_asyncio.client import ApiClient
from traitlets.config import Config

folder = sys.argv[1]
sys.path.insert(0, folder)
os.environ.update(CONFIGPROXY_AUTH_TOKEN="x", JUPYTERHUB_API_TOKEN="x", OMEGA_RESTAPI_URL="http://omegaweb:8080")
config = Config()
with open(os.path.join(folder, "jupyterhub_config.py")) as file:
    exec(compile(file.read(), file.name, "exec"), {"get_config": lambda: config})

from cloudmgr_hub.spawner import ConfigApiSpawner  # noqa: E402


class User:
    name = escaped_name = "alice"
    url = "/user/alice/"
    id = 1
    settings = {}
    server = Server(base_url="/user/alice/")


class Spawner(ConfigApiSpawner):
    async def _write_secret(self):
        """There is no cluster to write it to."""


async def main():
    hub = Hub(ip="hub", port=8081, base_url="/hub/")
    spawner = Spawner(_mock=True, config=config, user=User(), hub=hub, api_token="t")
    spawner._apply(json.load(sys.stdin))
    spawner._move_to("om-alice")
    pod = await spawner.get_pod_manifest()
    print(json.dumps(ApiClient().sanitize_for_serialization(pod)))


asyncio.run(main())
