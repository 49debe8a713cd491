"""Middleware between the server and the handlers: authentication, rate limit, maximum requests."""
