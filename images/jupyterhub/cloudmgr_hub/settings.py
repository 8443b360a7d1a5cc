"""What an account's configuration may say about its notebook server. Pure: names and values in, names and values out."""

import re

HOME = "/home/jovyan"
# Where `pip install --user` installs to.
PACKAGES = "/app/pylib/user"

# zero-to-jupyterhub's names for KubeSpawner's settings.
ALIASES = {
    "memory.limit": "mem_limit",
    "memory.guarantee": "mem_guarantee",
    "cpu.limit": "cpu_limit",
    "cpu.guarantee": "cpu_guarantee",
    "extraEnv": "environment",
    "ENVS": "environment",
    "extraResource.limits": "extra_resource_limits",
    "extraResource.guarantees": "extra_resource_guarantees",
    "image.name": "image",
    "image.pullPolicy": "image_pull_policy",
    "extraTolerations": "tolerations",
    "nodeSelector": "node_selector",
    "extraNodeAffinity.required": "node_affinity_required",
    "extraNodeAffinity.preferred": "node_affinity_preferred",
    "extraPodAffinity.required": "pod_affinity_required",
    "extraPodAffinity.preferred": "pod_affinity_preferred",
    "extraPodAntiAffinity.required": "pod_anti_affinity_required",
    "extraPodAntiAffinity.preferred": "pod_anti_affinity_preferred",
    "storage.extraLabels": "storage_extra_labels",
    "events": "events_enabled",
    "startTimeout": "start_timeout",
    "defaultUrl": "default_url",
    "profileList": "profile_list",
}

# Nothing that runs as somebody else, mounts the machine, adds containers or moves the pod to another namespace.
ALLOWED = frozenset(ALIASES.values()) | {"http_timeout"}

GPU = "nvidia.com/gpu"
# Machines with GPUs are kept free of what asks for none.
GPU_TOLERATION = {"key": GPU, "operator": "Exists", "effect": "NoSchedule"}

# The pod gets these from elsewhere; a wrong one would cut it off or show it another account's data.
RESERVED_ENVIRONMENT = ("JUPYTERHUB_", "OMEGA_USERID", "OMEGA_APIKEY", "OMEGA_RESTAPI_URL", "HOME", "PATH", "LD_")

# Handled apart: what runs before the server.
APART = {"packages"}
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?((==|>=|<=|~=|!=|<|>)[A-Za-z0-9][A-Za-z0-9.*+!_-]*)?")

# What Pod Security `restricted` lets a pod mount. No folder of the machine, no Secret.
VOLUME_KINDS = {"persistentVolumeClaim", "emptyDir", "ephemeral", "csi"}


def why_not(config, name):
    """Why no server of this account may start; None when one may."""
    if not config.get("JUPYTER_SUSPENDED"):
        return None
    return f"The notebooks of {name} are suspended; nothing is lost. Resume the service `jupyter` to start a server."


def spawner_settings(config):
    """Splits JUPYTER_CONFIG into what is applied and the names that were refused."""
    applied, refused = {}, []
    for name, value in flattened(config).items():
        if name in APART:
            continue
        setting = ALIASES.get(name, name)
        if setting not in ALLOWED or value is None:
            refused.append(name)
        elif setting == "environment":
            applied[setting] = {**applied.get(setting, {}), **environment(value)}
        elif setting == "profile_list":
            applied[setting] = [profile(item) for item in value if isinstance(item, dict)]
        else:
            applied[setting] = value
    if asks_for_gpu(applied.get("extra_resource_limits")):
        applied["tolerations"] = [*(applied.get("tolerations") or []), GPU_TOLERATION]
    return applied, refused


def asks_for_gpu(limits):
    return isinstance(limits, dict) and str(limits.get(GPU, 0)) not in ("", "0")


def packages(config):
    """The account's Python requirements, each once; no option of pip among them."""
    wanted = (config or {}).get("packages") or []
    return list(dict.fromkeys(item for item in wanted if isinstance(item, str) and REQUIREMENT.fullmatch(item)))


def flattened(config):
    """{"memory": {"limit": …}} means the same as {"memory.limit": …}."""
    flat = {}
    for name, value in (config or {}).items():
        nested = isinstance(value, dict) and name not in ALIASES and name not in ALLOWED
        if nested and any(f"{name}.{key}" in ALIASES for key in value):
            flat.update({f"{name}.{key}": item for key, item in value.items()})
        else:
            flat[name] = value
    return flat


def environment(values):
    """Braces are doubled: KubeSpawner reads single ones as placeholders, the API has filled in its own already."""
    return {
        str(name): str(value).replace("{", "{{").replace("}", "}}")
        for name, value in (values or {}).items()
        if not str(name).startswith(RESERVED_ENVIRONMENT) and not isinstance(value, (dict, list))
    }


def profile(item):
    """A choice on the start page, held to the same settings."""
    kept = {key: item[key] for key in ("display_name", "description", "slug", "default") if key in item}
    applied, _ = spawner_settings(item.get("kubespawner_override"))
    applied.pop("profile_list", None)
    # It would replace the environment as a whole, the sign-in to the hub included.
    applied.pop("environment", None)
    return {**kept, "kubespawner_override": applied}


def node_selector(text):
    """`key=value` to one label; an empty text means any machine."""
    key, separator, value = (text or "").partition("=")
    return {key.strip(): value.strip()} if separator else {}


def storage(config):
    """CLUSTER_STORAGE's volumes that may be mounted, their mounts, and the names of those that were refused."""
    volumes = [item for item in (config or {}).get("volumes") or [] if isinstance(item, dict)]
    allowed = [item for item in volumes if set(item) - {"name"} and set(item) - {"name"} <= VOLUME_KINDS]
    names = {item.get("name") for item in allowed}
    mounts = [item for item in (config or {}).get("volumeMounts") or [] if item.get("name") in names]
    return allowed, mounts, [item.get("name") for item in volumes if item not in allowed]


def own_folders(mounts):
    """
    Volumes and mounts of what a server writes to, beside the account's own `mounts`: in memory and on the machine as long
    as the server runs, unless the account mounts a volume there. Packages follow the home.
    """
    mounted = {str(mount.get("mountPath", "")).rstrip("/"): mount for mount in mounts}
    paths = {"home": HOME, "tmp": "/tmp", "packages": PACKAGES}
    missing = {name: path for name, path in paths.items() if path not in mounted}
    if "packages" in missing and HOME in mounted:
        del missing["packages"]
        home = mounted[HOME]
        # A folder that notebooks do not list, on the same volume.
        folder = "/".join(part for part in (home.get("subPath"), ".packages") if part)
        own = [{"name": home["name"], "mountPath": PACKAGES, "subPath": folder}]
    else:
        own = []
    volumes = [{"name": name, "emptyDir": {}} for name in missing]
    return volumes, [*own, *({"name": name, "mountPath": path} for name, path in missing.items())]
