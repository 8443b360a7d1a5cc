"""Ends a notebook server that nobody uses, says so before, and tells JupyterLab's user what else is to be known.

NOTEBOOK_IDLE_MINUTES   minutes without use after which the server ends; empty or 0: never

Use is: a kernel that works or said something, a terminal that printed or was typed into, a request that changes something
(a saved file, a started kernel). What JupyterLab does by itself every few seconds is not. While a kernel works the server
never ends, whether it prints or not.
"""

import os
from pathlib import Path

from jupyter_server._tz import utcnow
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.ioloop import PeriodicCallback
from tornado.web import authenticated

LOOK_SECONDS = 15
WARN_SECONDS = 600
# Written by the init container that installs packages, when it could not.
PACKAGES_FAILED = "packages-failed.txt"


class Use:
    """When the server was used last."""

    def __init__(self, app, idle_seconds):
        self.app = app
        self.idle_seconds = idle_seconds
        self.changed = utcnow()

    def note_request(self, handler):
        changes = handler.request.method not in ("GET", "HEAD", "OPTIONS") and handler.get_status() < 400
        # JupyterLab saves how its panels stand every ten seconds, changed or not.
        if changes and not handler.request.path.startswith(url_path_join(self.app.base_url, "lab/api/")):
            self.changed = utcnow()

    def is_working(self):
        kernels = self.app.kernel_manager
        return any(kernels.get_kernel(one).execution_state == "busy" for one in kernels.list_kernel_ids())

    def last(self):
        if self.is_working():
            self.changed = utcnow()
        kernels = self.app.kernel_manager
        times = [kernels.get_kernel(one).last_activity for one in kernels.list_kernel_ids()]
        terminals = getattr(self.app.web_app.settings.get("terminal_manager"), "terminals", {})
        times += [one.last_activity for one in terminals.values() if hasattr(one, "last_activity")]
        return max([self.changed, *times])

    def seconds_left(self):
        """Until the server ends; None: it stays."""
        if self.idle_seconds <= 0:
            return None
        return self.idle_seconds - (utcnow() - self.last()).total_seconds()

    def look(self):
        left = self.seconds_left()
        if left is not None and left <= 0:
            self.app.log.info("nobody used this server for %s minutes: it ends", round(self.idle_seconds / 60))
            self.app.stop()


def notices(use, folder):
    """What the user is to be told now: each with an id, so that it is told once."""
    told = []
    left = use.seconds_left()
    if left is not None and left <= min(WARN_SECONDS, use.idle_seconds / 2):
        minutes = max(1, round(left / 60))
        text = (
            f"Nobody has used this server for a while: it stops in {minutes} min. "
            "Saved notebooks stay; what kernels hold in memory goes."
        )
        told.append({"id": f"idle-{use.last().isoformat()}", "message": text, "stay": True})
    failed = Path(folder) / PACKAGES_FAILED
    if failed.exists():
        text = "Packages of this account could not be installed: " + failed.read_text(errors="replace")[-400:].strip()
        told.append({"id": "packages", "message": text, "stay": False})
    return told


class Notices(APIHandler):
    # Asking is no use of the server; sending is: somebody is there.
    _track_activity = False

    @authenticated
    def get(self):
        self.finish({"notices": notices(self.settings["notebook_use"], os.environ.get("PYTHONUSERBASE", ""))})

    @authenticated
    def post(self):
        self.set_status(204)
        self.finish()


def _jupyter_server_extension_points():
    return [{"module": "cloudmgr_notebook"}]


def _load_jupyter_server_extension(app):
    use = Use(app, float(os.environ.get("NOTEBOOK_IDLE_MINUTES") or 0) * 60)
    settings = app.web_app.settings
    settings["notebook_use"] = use
    write_log = settings.get("log_function")

    def noted(handler):
        use.note_request(handler)
        if write_log is not None:
            write_log(handler)

    settings["log_function"] = noted
    app.web_app.add_handlers(".*$", [(url_path_join(settings["base_url"], "cloudmgr/notices"), Notices)])
    if use.idle_seconds > 0:
        PeriodicCallback(use.look, min(LOOK_SECONDS, use.idle_seconds / 10) * 1000).start()
