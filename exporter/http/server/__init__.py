"""Serve any ASGI application: sockets, TLS, limits of clients, signals and systemd."""
