"""The celery application of runtime workers: omega|ml's own, with what keeps tasks from being lost, and within bounds.

TASK_MEMORY_MB   memory that a task may ask for, in MiB; empty or 0: no bound but the pod's
"""

import os
import resource

import celery
from celery.signals import worker_process_init
from celery.worker.request import Request
from omegaml.celeryapp import app


class TaskRequest(Request):
    def on_failure(self, exc_info, **options):
        # Celery takes a task's lack of memory for the worker's own and stops working, without a word.
        if isinstance(getattr(exc_info.exception, "exc", exc_info.exception), MemoryError):
            exc_info.exception = RuntimeError("the task asked for more memory than it may have")
        super().on_failure(exc_info, **options)


celery.Task.Request = "runtime_worker:TaskRequest"
# A task is the broker's until it has ended: when its worker is lost, another one runs it again.
app.conf.task_acks_late = True
# No worker holds a task that another one could run, and what is not acknowledged is what runs.
app.conf.worker_prefetch_multiplier = 1


@worker_process_init.connect
def hold_to_memory(**_):
    """Asking for more is a MemoryError in the task, not the end of the worker with everybody's tasks."""
    megabytes = int(os.environ.get("TASK_MEMORY_MB") or 0)
    if megabytes > 0:
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
