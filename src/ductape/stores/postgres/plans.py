"""How our statements are planned: each by the index that is meant for it.

A table that was empty a minute ago may hold a million rows before it is analysed: a plan made for
the empty one, to scan and to sort, must not be thought cheap. So these ways are ruled out for a
connection of ours, or, behind a pooler that gives each transaction another one, for a transaction;
whoever borrows a connection plans his own statements as his server does.
"""

WAYS = (b"seqscan", b"bitmapscan", b"sort")


def by_index(*, local: bool) -> bytes:
    """Return the SQL that rules other ways out, for a connection or, `local`, a transaction."""
    where = b"LOCAL " if local else b""
    return b"; ".join(b"SET " + where + b"enable_" + way + b" = off" for way in WAYS)


AS_THE_SERVER_DOES = b"; ".join(b"SET LOCAL enable_" + way + b" TO DEFAULT" for way in WAYS)
"""Lets a transaction be planned as if nothing had been ruled out."""
