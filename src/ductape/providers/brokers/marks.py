"""What a broker calls a message or a group of them by, where it takes no text of any length.

A key of ours has the path of its step or option in it, so that it may be longer than that. Cutting
it would make one of two: two messages under one mark are a repeat, and the broker drops the second.
"""

from hashlib import sha256


def fitting(key: str, longest: int) -> str:
    """Return a key that is short enough and in plain ASCII without spaces, else its SHA-256.

    >>> fitting("0192f3:1", 128), len(fitting("0192f3:1" * 100, 128)), len(fitting("a b", 128))
    ('0192f3:1', 64, 64)
    """
    plain = key.isascii() and key.isprintable() and " " not in key
    return key if plain and len(key) <= longest else sha256(key.encode()).hexdigest()
