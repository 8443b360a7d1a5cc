"""JupyterHub's parts of a cloudmgr site: who may sign in, and how a notebook server is started."""
