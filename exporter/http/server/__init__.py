"""The HTTP server: sockets, TLS, limits, signals and systemd; it serves any ASGI application."""
