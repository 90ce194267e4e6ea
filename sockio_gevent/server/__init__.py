"""Where bytes come from: HTTP requests, and sockets after their request."""
