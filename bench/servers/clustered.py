"""One of several workers, each on a port of its own: it does what ``ours.py`` does.

Its arguments are a JSON object: ``cluster``, the option of the listener; and ``wrapped``, whether
middleware hides the server from the listener, so that it must relay what belongs to other workers.
``GET /cluster`` tells ``stats()["cluster"]``.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable, Iterable  # noqa: E402
from typing import Any  # noqa: E402

from gevent.pywsgi import WSGIServer  # noqa: E402
from listening import listen  # noqa: E402
from ours import announce_ours, handle, io  # noqa: E402


def main() -> None:
    """Serve until killed."""
    arguments = json.loads(sys.argv[1])
    listener = listen()
    options = {"log": False, "flash_policy_port": None, "cluster": arguments["cluster"]}

    def pages(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = json.dumps(socket.stats()["cluster"]).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    if arguments["wrapped"]:
        socket = io.listen(pages, **options)

        def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            def start(*arguments: Any) -> Any:
                return start_response(*arguments)

            return socket(environ, start)

        server = WSGIServer(listener, wrapped, log=None)
    else:
        server = WSGIServer(listener, pages, log=None)
        socket = io.listen(server, **options)
    handle(socket)
    server.start()
    announce_ours(listener)
    server.serve_forever()


if __name__ == "__main__":
    main()
