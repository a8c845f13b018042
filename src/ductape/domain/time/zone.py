"""Turning a zone's name into its rules is asked of outside; this is the shape of the answer."""

from collections.abc import Callable
from datetime import tzinfo

ZoneLookup = Callable[[str], tzinfo]
"""Takes an IANA name (`Europe/Amsterdam`), raises `KeyError` for any that the tz database's own
list does not have."""
