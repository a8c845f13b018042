"""Calls to other people's servers: ours beside the bare client library (issue 5).

What *the engine's own cost* means here. Ours: jobs are stored beforehand, then one worker with 50
slots drains them. The clock runs from its first claim to the last recorded result; opening the
store, as opening a client, comes before. So a call of ours is all that an attempt is: claimed under
a lease, product and references resolved, input checked, address guarded, called with its
idempotency key, answer read, result and history committed. Bare: 50 tasks of one event loop, each
making the same call with the same library in the plain way of its documentation, one call after the
other, and nothing recorded. Both send equal messages in this one process to servers in processes of
their own, by turns in the same run.

    own cost = (bare calls a second) / (our calls a second) - 1

which is what a call takes beyond its bare self, as a share of that. The target is at most 25 %.

A server that answers at once is the hardest ground for this figure: one core does nothing but
calls, and whatever an attempt does besides counts in full. Actions are measured once more against a
server that takes 20 ms, as one in another town does; there the 50 calls wait side by side, which is
what slots are for. The note of each figure tells the processor time of a call, which a busy machine
changes least, and how busy the server was at most: one that could not keep up with the bare library
would flatter us.

Subscribing has no single bare form, so it has two lines: beside 50 consumers of one group that each
receive and acknowledge message by message, and beside one that fetches and acknowledges a hundred
together, as ours does. Ours stores a durable job for each message before it acknowledges, which
neither does.
"""

AT_ONCE = 50
"""Slots of our worker, and tasks of the bare library."""

FAR_S = 0.02
"""How long the far server takes to answer."""

BATCH = 100
"""What our subscription fetches and acknowledges together."""
