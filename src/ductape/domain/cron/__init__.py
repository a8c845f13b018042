"""Cron expressions: what they may say, and the instants they stand for (SPEC 4).

    parse_cron(text) → Cron          syntax, by way of fields: text to sets
    next_after(cron, ms, zone) → ms  firing: wall times to instants, across changes of the clock

A `Cron` is sets of bits and knows no zone: `schedule` walks it on the wall, by the dates that
`days` allows.
"""

from ductape.domain.cron.firing import nears_the_end, next_after
from ductape.domain.cron.schedule import Cron
from ductape.domain.cron.syntax import parse_cron

__all__ = ["Cron", "nears_the_end", "next_after", "parse_cron"]
