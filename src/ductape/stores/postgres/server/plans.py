"""How our statements are planned: each by the index that is meant for it.

A table that was empty a minute ago may hold a million rows before it is analysed: a plan made for
the empty one, to scan and to sort, must not be thought cheap. So these ways are ruled out for a
connection of ours, or, behind a pooler that gives each transaction another one, for a transaction;
whoever borrows a connection plans his own statements as his server does.

Up to PostgreSQL 17 what is ruled out, and is the only way all the same, is given so high a cost
that the server compiles the statement (`jit`), each time for seconds: ours are short, and are not
compiled.
"""

_RULED_OUT = (b"enable_seqscan", b"enable_bitmapscan", b"enable_sort", b"jit")


def by_index(*, local: bool) -> bytes:
    """Return the SQL that rules other ways out, for a connection or, `local`, a transaction."""
    where = b"LOCAL " if local else b""
    return b"; ".join(b"SET " + where + name + b" = off" for name in _RULED_OUT)


PLANNED_ONCE = b"SET plan_cache_mode = force_generic_plan"
"""A statement that is prepared is planned once for a connection, whatever its values. Left to
itself PostgreSQL plans each claim anew, which takes half as long as the claim: it thinks that lists
it does not know are long. For a transaction that reads, whose values decide what there is to look
at, `PLANNED_ANEW` takes that back."""
PLANNED_ANEW = b"SET LOCAL plan_cache_mode TO DEFAULT"

AS_THE_SERVER_DOES = b"; ".join(
    (PLANNED_ANEW, *(b"SET LOCAL " + name + b" TO DEFAULT" for name in _RULED_OUT))
)
"""Lets a transaction be planned as if nothing had been ruled out."""
