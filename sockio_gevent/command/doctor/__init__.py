"""``python -m sockio_gevent doctor URL``: what gets through to a running server, and what mends it.

It speaks as clients do, through whatever proxies are on the way, and needs nothing of the
application. ``http.py`` and ``websocket.py`` are its clients, ``polling.py``, ``sockets.py`` and
``proxies.py`` what it tries, ``findings.py`` what it says, and ``examine.py`` puts them together.
"""
