"""For gunicorn: says when a worker has loaded the application and heeds signals."""

from __future__ import annotations

from typing import Any


def post_worker_init(worker: Any) -> None:
    worker.log.info("Worker is ready (pid: %s)", worker.pid)
