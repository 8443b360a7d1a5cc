# Everything that differs between sites comes by environment (see README.md); no secret lies in this file.
import hashlib
import os
from urllib.parse import urlsplit

import certifi
from sqlalchemy.engine import URL

c = get_config()  # noqa: F821
env = os.environ


def database_url():
    if env.get("JUPYTERHUB_DB_URL"):
        return env["JUPYTERHUB_DB_URL"]
    if not env.get("JUPYTERHUB_DB_HOST"):
        return "sqlite:///jupyterhub.sqlite"
    query = {"charset": "utf8mb4"}
    if env.get("JUPYTERHUB_DB_TLS") == "yes":
        # In the URL: the program that upgrades the schema gets nothing else. With an authority, host and certificate are checked.
        query["ssl_ca"] = env.get("JUPYTERHUB_CA") or certifi.where()
    url = URL.create(
        "mysql+pymysql",
        username=env.get("JUPYTERHUB_DB_USER", "jupyterhub"),
        password=env["JUPYTERHUB_DB_PASSWORD"],
        host=env["JUPYTERHUB_DB_HOST"],
        port=int(env.get("JUPYTERHUB_DB_PORT", "3306")),
        database=env.get("JUPYTERHUB_DB_NAME", "jupyterhub"),
        query=query,
    )
    return url.render_as_string(hide_password=False)


# ---- Addresses ----

public_url = env.get("JUPYTERHUB_PUBLIC_URL", "http://notebook.omega.localhost:8080").rstrip("/")
c.JupyterHub.bind_url = "http://0.0.0.0:8000/"
c.JupyterHub.public_url = f"{public_url}/"
if env.get("JUPYTERHUB_SUBDOMAINS", "yes") == "yes":
    # An origin per user: <name>.notebook.<domain>.
    c.JupyterHub.subdomain_host = public_url
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = env.get(
    "JUPYTERHUB_CONNECT_URL", "http://jupyterhub.omegaml-services.svc.cluster.local:8081"
)

# The proxy is a pod of its own, so that notebooks stay reachable while the hub restarts.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = env.get(
    "JUPYTERHUB_PROXY_API_URL", "http://jupyterhub-proxy.omegaml-services.svc.cluster.local:8001"
)
c.ConfigurableHTTPProxy.auth_token = env["CONFIGPROXY_AUTH_TOKEN"]
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False

# ---- Rows and secrets ----

c.JupyterHub.db_url = database_url()
c.JupyterHub.db_kwargs = {"pool_pre_ping": True, "pool_recycle": 300}
c.JupyterHub.upgrade_db = True
# Any text is taken as the secret; JupyterHub itself would want hexadecimal digits.
secret = env.pop("JPY_COOKIE_SECRET", "") or env.get("JUPYTERHUB_COOKIE_SECRET", "")
if secret:
    c.JupyterHub.cookie_secret = hashlib.sha256(secret.encode()).digest()
if urlsplit(public_url).scheme == "https":
    c.JupyterHub.tornado_settings = {"cookie_options": {"secure": True}}

# ---- Who may do what ----

oidc_secret = env.pop("JUPYTERHUB_OIDC_SECRET", "")
if oidc_secret:
    portal, inside = env["CLOUDMGR_PUBLIC_URL"].rstrip("/"), env["OMEGA_RESTAPI_URL"].rstrip("/")
    c.JupyterHub.authenticator_class = "cloudmgr_hub.oidc.PortalAuthenticator"
    c.PortalAuthenticator.client_id = "jupyterhub"
    c.PortalAuthenticator.client_secret = oidc_secret
    c.PortalAuthenticator.oauth_callback_url = f"{public_url}/hub/oauth_callback"
    c.PortalAuthenticator.authorize_url = f"{portal}/oidc/auth"
    # Browsers go by the public name, the hub itself stays inside the cluster.
    c.PortalAuthenticator.token_url = f"{inside}/oidc/token"
    c.PortalAuthenticator.userdata_url = f"{inside}/oidc/me"
    c.PortalAuthenticator.username_claim = "preferred_username"
    c.PortalAuthenticator.scope = ["openid", "profile", "email"]
    c.PortalAuthenticator.login_service = "omega|ml"
    # Whoever signs out here is signed out there, and within this time the other way round.
    c.PortalAuthenticator.logout_redirect_url = f"{portal}/accounts/logout"
    c.Authenticator.auth_refresh_age = 30
    c.Authenticator.enable_auth_state = True
    c.CryptKeeper.keys = [hashlib.sha256(f"auth state {oidc_secret}".encode()).digest()]
else:
    c.JupyterHub.authenticator_class = "cloudmgr_hub.authenticator.ConfigApiAuthenticator"
c.Authenticator.allow_all = True
c.Authenticator.delete_invalid_users = False
c.JupyterHub.services = [
    {"name": "cloudmgr", "api_token": env.get("JUPYTERHUB_API_TOKEN_CLOUDMGR") or env["JUPYTERHUB_API_TOKEN"]}
]
c.JupyterHub.load_roles = [
    {
        "name": "cloudmgr",
        "description": "Makes and removes users, starts and stops their servers",
        "scopes": ["admin:users", "admin:servers", "list:users", "read:hub", "proxy"],
        "services": ["cloudmgr"],
    },
]
for name in ("JUPYTERHUB_API_TOKEN_CLOUDMGR", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_DB_PASSWORD", "JUPYTERHUB_DB_URL"):
    env.pop(name, None)

# ---- Notebook servers ----

c.JupyterHub.spawner_class = "cloudmgr_hub.spawner.ConfigApiSpawner"
c.ConfigApiSpawner.api_user = env.get("OMEGA_JYHUB_USER", "jyadmin")
c.ConfigApiSpawner.api_key = env.get("OMEGA_JYHUB_APIKEY") or env.get("JYADMIN_APIKEY", "")
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 3
c.JupyterHub.concurrent_spawn_limit = 20
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.Spawner.default_url = "/lab"
c.Spawner.cmd = ["single-user"]
# The server ends by itself when nobody uses it; a kernel that works keeps it (cloudmgr_notebook in its image).
c.Spawner.environment = {"NOTEBOOK_IDLE_MINUTES": env.get("JUPYTERHUB_IDLE_MINUTES", "60")}
# One watch for all namespaces instead of two for each.
c.KubeSpawner.enable_user_namespaces = True
c.KubeSpawner.user_namespace_template = "om-{username}"
# What a server asks for and may take unless its account's configuration says otherwise.
c.KubeSpawner.cpu_guarantee = 0.1
c.KubeSpawner.mem_guarantee = "256M"
c.KubeSpawner.cpu_limit = 1.5
c.KubeSpawner.mem_limit = "1536M"
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.image_pull_secrets = [name for name in env.get("JUPYTER_PULL_SECRETS", "").split(",") if name]
c.KubeSpawner.delete_grace_period = 5
# Homes are cloudmgr's, and the hub has no right on any claim.
c.KubeSpawner.delete_pvc = False
c.KubeSpawner.common_labels = {"app.kubernetes.io/name": "jupyterhub", "app.kubernetes.io/managed-by": "jupyterhub"}
# Pod Security `restricted`.
c.KubeSpawner.uid = 1000
c.KubeSpawner.gid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.privileged = False
c.KubeSpawner.allow_privilege_escalation = False
c.KubeSpawner.automount_service_account_token = False
c.KubeSpawner.pod_security_context = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
    # A home that belongs to the group already is not walked through at every start.
    "fsGroupChangePolicy": "OnRootMismatch",
}
c.KubeSpawner.container_security_context = {"capabilities": {"drop": ["ALL"]}}
c.KubeSpawner.extra_pod_config = {"enableServiceLinks": False, "terminationGracePeriodSeconds": 10}
