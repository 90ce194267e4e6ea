"""Connections and requests that come to one worker, and are for a session of another one."""
