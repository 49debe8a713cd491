"""The HTTP server, its middleware and its handlers."""
