"""How much is measured: for figures worth quoting, or to see that it works."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    single: int
    callers: int
    each: int
    bulk: int
    drained: float
    """The part of each peer's own count that a drain has."""
    picked_up: int
    late: int
    lead_ms: int
    """How far ahead the first scheduled probe is due."""
    quiet_s: float
    """How long the server's statistics get to settle before an idle worker is watched."""
    idle_s: float
    longest_s: float
    """A drain that takes longer is cut off, and its rate is of what was done."""
    backlog: int
    """Old and future rows, as many of each."""
    beside: int
    """The jobs drained beside them."""
    pairs: int
    rounds: int

    @classmethod
    def full(cls) -> "Scale":
        """For figures worth quoting."""
        return cls(
            single=1_000,
            callers=100,
            each=30,
            bulk=30_000,
            drained=1.0,
            picked_up=300,
            late=60,
            lead_ms=2_000,
            quiet_s=11.0,
            idle_s=10.0,
            longest_s=60.0,
            backlog=200_000,
            beside=5_000,
            pairs=5,
            rounds=3,
        )

    @classmethod
    def long(cls) -> "Scale":
        """For the backlog of a million rows of each kind."""
        return replace(cls.full(), backlog=1_000_000)

    @classmethod
    def short(cls) -> "Scale":
        """To see that it works."""
        return cls(
            single=50,
            callers=20,
            each=2,
            bulk=1_000,
            drained=0.1,
            picked_up=20,
            late=5,
            lead_ms=500,
            quiet_s=0.5,
            idle_s=0.5,
            longest_s=5.0,
            backlog=1_000,
            beside=1_000,
            pairs=1,
            rounds=1,
        )
