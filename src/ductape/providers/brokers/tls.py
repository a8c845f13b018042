"""TLS to a broker: its certificate is checked against the system's authorities, for its name.

`SSL_CERT_FILE` names a file of others, as everywhere in Python. Some clients keep to themselves why
they did not connect, so that what checks the certificate remembers it.
"""

import ssl
from typing import cast

from ductape.errors import ProviderError
from ductape.providers.http import remedy_for

_PORT = "is this the port for TLS?"


class Trust(ssl.SSLContext):
    """What a broker's certificate is checked by; made by `trust`."""

    failure: ssl.SSLError | None
    """Why the last handshake failed; none if it did not."""

    def refusal(self, where: str) -> ProviderError | None:
        """Tell why a server was not trusted, and what to do about it; none where it was."""
        match self.failure:
            case None:
                return None
            case ssl.SSLCertVerificationError() as error:
                text = f"{where} shows a certificate that is not trusted: {error.verify_message}"
                return ProviderError("CONNECTION_ERROR", text, hint=remedy_for(error))
            case error:
                text = f"{where} does not speak TLS: {error.reason or 'the handshake failed'}"
                return ProviderError("CONNECTION_ERROR", text, hint=_PORT)


class _Witnessed(ssl.SSLObject):
    """A connection whose handshake its context hears of."""

    def do_handshake(self) -> None:
        """Shake hands, and leave word where that fails; half of one is no failure."""
        context = cast("Trust", self.context)
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            context.failure = error
            raise
        context.failure = None


def trust() -> Trust:
    """Make what checks certificates, `SSL_CERT_FILE` read now."""
    made = Trust(ssl.PROTOCOL_TLS_CLIENT)
    made.failure = None
    made.sslobject_class = _Witnessed
    made.load_default_certs()
    return made
