"""What the doctor says of routes: which store each product goes to, and what lies elsewhere."""

from collections.abc import Sequence

from ductape.services.doctor import findings
from ductape.services.doctor.findings import Details, Finding


def route(name: str, url: str, products: Sequence[str]) -> Finding:
    """Tell what is routed to a store; `url` without its password."""
    said = ", ".join(products) or ("every other product" if name == "default" else "no product")
    details: Details = {"url": url, "products": list(products)}
    return findings.ok("routing", name, f"{said} -> {url}", details=details)


def stray(product: str, store: str) -> Finding:
    """Tell of a product that was applied to a store that its route does not name."""
    return findings.warning(
        "routing",
        product,
        f"applied to `{store}`, and routed elsewhere: what waits there still runs there",
        remedy="move its jobs (`ductape store copy`), or mend the route",
    )


def unready(name: str, url: str) -> Finding:
    """Tell of a store that is not there yet, or whose schema is another release's."""
    return findings.warning(
        "routing",
        name,
        f"{url} has no schema of this release",
        remedy="it is brought up to date when it is opened: `ductape migrate --store URL`",
    )
