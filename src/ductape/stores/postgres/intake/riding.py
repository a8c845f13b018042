"""Who rides along with a turn on PostgreSQL."""

from collections.abc import Sequence

from msgspec import Struct

from ductape.domain.job import Claim, Run, is_fresh
from ductape.ports.stores.intake import Added
from ductape.stores.along import Along, Rider


class Passenger(Struct, frozen=True):
    """A run about to be stored."""

    run: Run
    now_ms: int
    product_version: int | None


PassengerAlong = Along[Passenger, Added]
PassengerRider = Rider[Passenger, Added]


def board(along: PassengerAlong, passenger: Passenger) -> PassengerRider | None:
    """Have a run wait for a turn; none where nobody asks for it."""
    run = passenger.run
    if run.state != "queued" or not is_fresh(run) or not along.awaited():
        return None
    return along.board(passenger)


def arrive(rider: PassengerRider, claims: Sequence[Claim], *, stored: bool) -> None:
    """Answer once the turn is committed."""
    job_id = rider.what.run.job_id
    begun = any(claim.run.job_id == job_id for claim in claims)
    rider.arrive(Added("added" if stored else "moved", job_id, begun=begun))
