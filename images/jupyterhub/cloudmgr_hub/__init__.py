"""What joins JupyterHub to cloudmgr: who signs in, and what a notebook server gets."""
