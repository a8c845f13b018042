"""What to do about a server's certificate that was refused."""

import ssl

_WRONG_NAME = frozenset({62, 64})
"""OpenSSL's numbers for a certificate of another host name, and of another address."""
_OUT_OF_DATE = frozenset({9, 10})
"""Of one that is not valid yet, and no longer."""

_NAME = "write the host as its certificate names it"
_DATES = "have the certificate renewed, and look at this host's clock"
_AUTHORITY = "SSL_CERT_FILE names a file of authorities to trust instead of the system's"


def remedy_for(error: ssl.SSLCertVerificationError) -> str:
    """Return what whoever reads the error may do."""
    number = error.verify_code
    if number in _WRONG_NAME:
        return _NAME
    return _DATES if number in _OUT_OF_DATE else _AUTHORITY
