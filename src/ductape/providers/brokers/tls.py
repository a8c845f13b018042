"""TLS to a broker: its certificate is checked against the system's authorities, for its name.

`SSL_CERT_FILE` names a file of others, as everywhere in Python. Some clients keep to themselves why
they did not connect, so that what checks the certificate remembers it.
"""

import ssl
from typing import cast

from ductape.errors import ProviderError

_WRONG_NAME = frozenset({62, 64})
"""OpenSSL's numbers for a certificate of another host name, and of another address."""
_OUT_OF_DATE = frozenset({9, 10})
"""Of one that is not valid yet, and no longer."""

_NAME = "write the host as its certificate names it"
_DATES = "have the certificate renewed, and look at this host's clock"
_AUTHORITY = "SSL_CERT_FILE names a file of authorities to trust instead of the system's"
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
                return ProviderError("CONNECTION_ERROR", text, hint=_hint(error.verify_code))
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


def _hint(number: int) -> str:
    if number in _WRONG_NAME:
        return _NAME
    return _DATES if number in _OUT_OF_DATE else _AUTHORITY
