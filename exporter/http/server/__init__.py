"""A server for any ASGI application: sockets, TLS, limits for clients, signals and systemd."""
