"""TLS to a host by its name, though the connection goes to an address that was checked before."""

import ssl
from pathlib import Path
from typing import Literal


class _Named(ssl.SSLContext):
    """A context that asks for the certificate of one host, whatever address it is given."""

    host: str

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 (its own signature)
        server_hostname: str | bytes | None = None,  # noqa: ARG002 (the address)
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Speak to the host."""
        return super().wrap_bio(incoming, outgoing, server_side, self.host, session)


_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the certificates that they trust, in one file."""


def trusted_file() -> str:
    """Return the file of trusted certificates, for libpq: its wheel may look in the wrong place.

    `SSL_CERT_FILE` wins, as everywhere in Python. `system` leaves it to libpq.
    """
    named = ssl.get_default_verify_paths().cafile
    found = (one for one in (named, *_BUNDLES) if one and Path(one).is_file())
    return next(found, "system")


def context_for(
    tls: Literal["off", "require", "verify"] | None, host: str
) -> ssl.SSLContext | None:
    """Return what to speak TLS to a host with; none where it is not asked for."""
    if tls in (None, "off"):
        return None
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.host = host
    if tls == "verify":
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
