"""The running accounts: caches, refreshes, status, and the registry of all accounts."""
