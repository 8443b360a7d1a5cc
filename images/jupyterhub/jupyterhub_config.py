"""JupyterHub on a site of cloudmgr. Everything comes by environment; the chart omegaml-system sets it."""
import os
from urllib.parse import quote_plus

from cloudmgr_hub.authenticator import AccountAuthenticator
from cloudmgr_hub.spawner import AccountSpawner

c = get_config()  # noqa: F821 -- JupyterHub provides it
env = os.environ

c.JupyterHub.bind_url = env["JUPYTERHUB_PUBLIC_URL"]
if env.get("JUPYTERHUB_SUBDOMAINS", "yes") == "yes":
    # An origin per user: one user's page can't act in another's name.
    c.JupyterHub.subdomain_host = env["JUPYTERHUB_PUBLIC_URL"]
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = env["JUPYTERHUB_CONNECT_URL"]
c.JupyterHub.db_url = "mysql+pymysql://%s:%s@%s:%s/%s" % (
    env["JUPYTERHUB_DB_USER"], quote_plus(env["JUPYTERHUB_DB_PASSWORD"]),
    env["JUPYTERHUB_DB_HOST"], env["JUPYTERHUB_DB_PORT"], env["JUPYTERHUB_DB_NAME"])

# The proxy is a workload of its own, and servers outlive the hub: its restart interrupts nobody.
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = env["JUPYTERHUB_PROXY_API_URL"]
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False

c.JupyterHub.authenticator_class = AccountAuthenticator
c.Authenticator.allow_all = True
c.Authenticator.delete_invalid_users = False
c.JupyterHub.spawner_class = AccountSpawner
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 3
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 120
c.Spawner.default_url = "/lab"

# cloudmgr makes and removes users, and stops servers of accounts that go.
c.JupyterHub.services = [{"name": "cloudmgr", "api_token": env["JUPYTERHUB_API_TOKEN_CLOUDMGR"]}]
c.JupyterHub.load_roles = [{
    "name": "cloudmgr",
    "scopes": ["admin:users", "admin:servers", "list:users", "proxy"],
    "services": ["cloudmgr"],
}]
c.JupyterHub.log_level = env.get("LOG_LEVEL", "INFO")
