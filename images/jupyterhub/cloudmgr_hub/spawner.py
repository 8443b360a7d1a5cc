"""Starts a notebook server in its account's namespace, as the account's configuration says."""

import os

from kubernetes_asyncio.client.exceptions import ApiException
from kubespawner import KubeSpawner
from tornado.web import HTTPError
from traitlets import Unicode, default

from .config_api import Refused, Unreachable, read_config
from .settings import HOME, PACKAGES, node_selector, own_folders, packages, spawner_settings, storage, why_not

# Sent through a Secret of the server's own: a pod's definition is read by more people than its secrets.
SECRET_VARIABLES = ("OMEGA_APIKEY", "JUPYTERHUB_API_TOKEN")
# What can't be installed is told by the server (cloudmgr_notebook), and does not keep it from starting.
INSTALL = (
    'rm -f "$PYTHONUSERBASE/packages-failed.txt"; '
    'python3 -m pip install --user --disable-pip-version-check --no-cache-dir --retries 1 --timeout 10 -- "$@" '
    '2> /tmp/packages || tail -c 400 /tmp/packages > "$PYTHONUSERBASE/packages-failed.txt"'
)


class ConfigApiSpawner(KubeSpawner):
    """
    One pod per server. Which image, size, machines and volumes: JUPYTER_* and CLUSTER_STORAGE of the account's
    configuration, read anew at every start, so that a change needs no new hub. One watch sees the pods of all namespaces
    (KubeSpawner's user namespaces); the namespace of a running server is part of its stored state.
    """

    api_url = Unicode(help="The hub's URL, without /api.").tag(config=True)
    api_user = Unicode("jyadmin", help="The machine account that reads the accounts' configurations.").tag(config=True)
    api_key = Unicode(help="Its API key.").tag(config=True)

    @default("api_url")
    def _api_url(self):
        return os.environ["OMEGA_RESTAPI_URL"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._secret_values = {}
        self._packages = []
        # What the site says, to which every start goes back before it applies what the account says.
        self._site = {}

    def _move_to(self, namespace):
        self.namespace = namespace
        self.dns_name = self.dns_name_template.format(namespace=namespace, name=self.pod_name)

    async def get_options_form(self):
        """Made anew for every visit: profiles come from the account's configuration, which may have changed."""
        try:
            self._apply(await self._read_account())
        except Exception as error:
            # The start says it to the user.
            self.log.warning("options of %s: %s", self.user.name, error)
        form = self._options_form_default()
        return await form(self) if callable(form) else form

    async def _start(self):
        config = await self._read_account()
        refusal = why_not(config, self.user.name)
        if refusal:
            raise _told(409, refusal)
        self._apply(config)
        self._move_to(config.get("JUPYTER_NAMESPACE") or f"om-{self.user.name}")
        return await super()._start()

    async def _ensure_namespace(self):
        """Made by cloudmgr together with its quota and its network policies; the hub may not make one."""

    async def _read_account(self):
        name = self.user.name
        try:
            return await read_config(self.api_url, self.api_user, self.api_key, user=name)
        except Refused as error:
            raise _told(403, f"There is no notebook service for {name} ({error}).") from error
        except Unreachable as error:
            self.log.error("starting a server of %s: %s", name, error)
            raise _told(503, "The account's settings can't be read at the moment. Please try again.") from error

    def _apply(self, config):
        settings, refused = spawner_settings(config.get("JUPYTER_CONFIG"))
        volumes, mounts, refused_volumes = storage(config.get("CLUSTER_STORAGE"))
        if refused or refused_volumes:
            self.log.warning("account %s: settings %s and volumes %s are not allowed", self.user.name, refused, refused_volumes)
        self._restore_site_settings()
        self._packages = packages(config.get("JUPYTER_CONFIG"))
        self._set("image", config.get("JUPYTER_IMAGE") or os.environ.get("JUPYTER_IMAGE") or self.image)
        self._set("node_selector", node_selector(config.get("JUPYTER_NODE_SELECTOR")))
        own_volumes, own_mounts = own_folders(mounts)
        self._set("volumes", [*own_volumes, *volumes])
        self._set("volume_mounts", [*own_mounts, *mounts])
        self._set("environment", {**self.environment, **self._account_environment(config)})
        for name, value in settings.items():
            try:
                self._set(name, {**self.environment, **value} if name == "environment" else value)
            except Exception as error:  # traitlets: a value of the wrong kind
                self.log.warning("account %s: setting %s: %s", self.user.name, name, error)

    def _set(self, name, value):
        self._site.setdefault(name, getattr(self, name))
        setattr(self, name, value)

    def _restore_site_settings(self):
        for name, value in self._site.items():
            setattr(self, name, value)

    def _account_environment(self, config):
        userid = str(config.get("OMEGA_USERID") or self.user.name)
        return {
            "USER": userid,
            "HOME": HOME,
            "SHELL": "/bin/bash",
            "PYTHONPATH": f"{PACKAGES}:/app/pylib/base",
            "PYTHONUSERBASE": PACKAGES,
            "JY_DEFAULT_URL": "/lab",
            "OMEGA_USERID": userid,
            "OMEGA_APIKEY": str(config.get("OMEGA_APIKEY") or ""),
            "OMEGA_QUALIFIER": str(config.get("OMEGA_QUALIFIER") or "default"),
            "OMEGA_RESTAPI_URL": self.api_url,
            "OMEGA_SERVICES_INCLUSTER": "yes",
            "OMEGA_AUTH_ENV": "omegaml.client.auth.CloudClientAuthenticationEnv",
        }

    def get_env(self):
        """The secret ones become references; their values wait for the Secret to be written."""
        env = super().get_env()
        env.pop("JPY_API_TOKEN", None)  # the same token by its old name
        self._secret_values = {name: env[name] for name in SECRET_VARIABLES if env.get(name)}
        reference = {name: {"secretKeyRef": {"name": self._secret(), "key": name}} for name in self._secret_values}
        return {**env, **{name: {"name": name, "valueFrom": source} for name, source in reference.items()}}

    def _installing(self):
        """Installs the account's requirements, one argument each, with the image and the size of the server."""
        pip = {name: value for name, value in self.environment.items() if name.startswith("PIP_")}
        env = {"HOME": HOME, "PYTHONUSERBASE": PACKAGES, **pip}
        amounts = {
            "limits": {"cpu": self.cpu_limit, "memory": self.mem_limit},
            "requests": {"cpu": self.cpu_guarantee, "memory": self.mem_guarantee},
        }
        return {
            "name": "packages",
            "image": self.image,
            "imagePullPolicy": self.image_pull_policy,
            "command": ["sh", "-c", INSTALL, "packages", *self._packages],
            "env": [{"name": name, "value": value} for name, value in env.items()],
            "securityContext": {
                **self.container_security_context,
                "allowPrivilegeEscalation": False,
                "runAsUser": self.uid,
                "runAsGroup": self.gid,
            },
            "resources": {
                kind: {name: str(value) for name, value in values.items() if value}
                for kind, values in amounts.items()
            },
            "volumeMounts": self.volume_mounts,
        }

    async def get_pod_manifest(self):
        # Here, because a choice on the start page may have changed the image.
        self.init_containers = [self._installing()] if self._packages else []
        manifest = await super().get_pod_manifest()
        await self._write_secret()
        return manifest

    async def stop(self, now=False):
        # The namespace is gone when the account was removed; then so is the pod.
        await super().stop(now)
        await self._delete_secret()

    def _secret(self):
        return f"{self.pod_name}-keys"

    async def _write_secret(self):
        labels = self._build_common_labels({"component": self.component_label})
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self._secret(), "labels": labels},
            "stringData": dict(self._secret_values),
        }
        try:
            await self.api.create_namespaced_secret(self.namespace, body)
        except ApiException as error:
            if error.status != 409:
                raise
            await self.api.replace_namespaced_secret(self._secret(), self.namespace, body)

    async def _delete_secret(self):
        try:
            await self.api.delete_namespaced_secret(self._secret(), self.namespace)
        except ApiException as error:
            if error.status != 404:
                self.log.warning("deleting secret %s/%s: %s", self.namespace, self._secret(), error.reason)


def _told(status, message):
    """An error whose text the user may read. Of any other kind the hub's page says no more than that there was one."""
    error = HTTPError(status, message)
    error.jupyterhub_message = message
    return error
