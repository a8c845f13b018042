"""One adapter for each system compared: it runs in an environment of its own, beside its package."""
