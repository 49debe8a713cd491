"""What runs: the cache, one account, and the registry of all accounts."""
