import os

from kubespawner import KubeSpawner
from traitlets import default

from .config_api import read_config_of

# Settings an account's configuration may change, by our name and by that of other JupyterHub charts.
ALLOWED = {
    "cpu_guarantee": "cpu_guarantee", "cpu.guarantee": "cpu_guarantee",
    "cpu_limit": "cpu_limit", "cpu.limit": "cpu_limit",
    "mem_guarantee": "mem_guarantee", "memory.guarantee": "mem_guarantee",
    "mem_limit": "mem_limit", "memory.limit": "mem_limit",
    "profile_list": "profile_list", "start_timeout": "start_timeout",
    "extraResource.limits": "extra_resource_limits", "extraResource.guarantees": "extra_resource_guarantees",
}

RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True,
              "seccompProfile": {"type": "RuntimeDefault"}}


class AccountSpawner(KubeSpawner):
    """A notebook server in its account's namespace, as the account's configuration says when it starts."""

    @default("cmd")
    def _cmd(self):
        return ["single-user"]

    @default("namespace")
    def _namespace(self):
        return "om-%s" % self.user.name if self.user else super()._namespace_default()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # The namespace is the account's whatever the state of an older server says; reflectors are kept by namespace.
        self.image = os.environ["JUPYTER_IMAGE"]
        self.image_pull_policy = "IfNotPresent"
        self.uid = self.gid = self.fs_gid = 1000
        self.automount_service_account_token = False
        self.allow_privilege_escalation = False
        self.container_security_context = RESTRICTED
        self.pod_security_context = {"seccompProfile": {"type": "RuntimeDefault"}}
        self.cpu_guarantee, self.cpu_limit = 0.1, 1.5
        self.mem_guarantee, self.mem_limit = "256M", "1536M"
        self.pod_name_template = "notebook-{username}--{servername}" if self.name else "notebook-{username}"
        self.delete_grace_period = 5
        self.volumes = [{"name": "home", "emptyDir": {"sizeLimit": "2Gi"}}]
        self.volume_mounts = [{"name": "home", "mountPath": "/home/jovyan"}]

    async def start(self):
        config = await read_config_of(self.user.name)
        if config is None:
            raise RuntimeError("the service has no configuration for %s" % self.user.name)
        self._take(config)
        return await super().start()

    def _take(self, config):
        self.namespace = config["JUPYTER_NAMESPACE"]
        self.image = config.get("JUPYTER_IMAGE") or self.image
        selector = config.get("JUPYTER_NODE_SELECTOR") or ""
        if "=" in selector:
            key, value = selector.split("=", 1)
            self.node_selector = {key: value}
        storage = config.get("CLUSTER_STORAGE") or {}
        # A volume of the host's would be a way out of the pod.
        volumes = [volume for volume in storage.get("volumes") or [] if "hostPath" not in volume]
        names = {volume["name"] for volume in volumes}
        self.volumes = self._with_home(volumes)
        mounts = [mount for mount in storage.get("volumeMounts") or [] if mount["name"] in names]
        self.volume_mounts = [{"name": "home", "mountPath": "/home/jovyan"}] + mounts
        settings = config.get("JUPYTER_CONFIG") or {}
        for name, value in settings.items():
            if name in ALLOWED:
                setattr(self, ALLOWED[name], value)
            elif name not in ("ENVS", "extraEnv"):
                self.log.warning("setting %s of account %s is not one that accounts may change", name, self.user.name)
        self.environment = {**(settings.get("extraEnv") or {}), **(settings.get("ENVS") or {}), **self._account(config)}

    @staticmethod
    def _with_home(volumes):
        return [{"name": "home", "emptyDir": {"sizeLimit": "2Gi"}}] + volumes

    @staticmethod
    def _account(config):
        return {
            "OMEGA_USERID": config["OMEGA_USERID"],
            "OMEGA_APIKEY": config["OMEGA_APIKEY"],
            "OMEGA_QUALIFIER": config.get("OMEGA_QUALIFIER") or "default",
            "OMEGA_RESTAPI_URL": os.environ["OMEGA_RESTAPI_URL"],
            "OMEGA_SERVICES_INCLUSTER": "yes",
            "JUPYTER_RUNTIME_DIR": "/tmp/jupyter-runtime",
        }
