"""Joining what applies products: documents, their versions, the jobs that they declare."""

from ductape.app.core import Core
from ductape.catalog import load_document
from ductape.domain.jsonlimits import Limits
from ductape.domain.product import length_faults, zone_faults
from ductape.services.intake.scheduling import Scheduling
from ductape.services.products.applied import lacking_of
from ductape.services.products.applying import ProductService
from ductape.services.products.declared_jobs import DeclaredJobs
from ductape.services.products.declaring import Declaring
from ductape.services.products.rehearsing import Rehearsing
from ductape.services.products.stranding import Stranding


def product_service(core: Core, scheduling: Scheduling, limits: Limits) -> ProductService:
    """Join `ductape.products`: what is applied here, this process's own verbs heed at once."""
    clock, zones, known = core.around.clock, core.around.zones.get, core.known_handlers

    async def learn(product: str, version: int) -> None:
        await core.telling.learn(core.catalog, product, version)

    declared = DeclaredJobs(
        core.store,
        Rehearsing(known, clock=clock, zones=zones, limits=limits),
        Declaring(core.store, known, clock=clock, zones=zones, limits=limits),
        scheduling,
        core.settler,
        zones=zones,
        learn=learn,
    )
    return ProductService(
        core.store.products,
        Stranding(core.store.reading, known),
        load=load_document,
        lacking=lacking_of(core.store.secrets.names, known),
        clock=clock,
        rule=lambda product: [
            *zone_faults(product, zones),
            *length_faults(product, limits.sequence),
        ],
        declared=declared,
    )
