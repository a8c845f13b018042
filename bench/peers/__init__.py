"""One adapter for each system compared, run in an environment of its own beside its package.

The driver imports none of them. They import packages that we do not have, so they are left out of
the type check and of what is counted as our dependencies.
"""
