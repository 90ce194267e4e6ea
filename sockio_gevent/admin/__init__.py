"""The server's side of the admin page of Socket.IO, npm's ``@socket.io/admin-ui``."""
