"""What a bucket's refusal means: its code of SPEC 12, in words that hold no secret.

The library's own texts quote whole answers, URLs and what was signed. Nothing of them is shown but
the status, and the name that the service itself has for the error.
"""

import re

from ductape.errors import ProviderError

_STATUS = re.compile(r"status code: (\d{3})|status: (\d{3})\b")
_NAME = re.compile(r"<Code>([A-Za-z0-9_.]{1,60})</Code>")
_GOOGLE_NAME = re.compile(r'"(?:error|reason)":\s*"([A-Za-z0-9_.]{1,60})"')

_MISSING_IN_BATCH = re.compile(r"Bulk delete request failed for key .*\(code: 404\)")
_NOT_AUTHENTICATED = "Server failed to authenticate the request"
"""What Azure says of a wrong key, sometimes under the name of a lacking right."""

_BY_NAME = {
    "AccessDenied": "FORBIDDEN",
    "AccountIsDisabled": "FORBIDDEN",
    "AllAccessDisabled": "FORBIDDEN",
    "AuthenticationFailed": "UNAUTHORIZED",
    "AuthorizationFailure": "FORBIDDEN",
    "AuthorizationPermissionMismatch": "FORBIDDEN",
    "BlobNotFound": "NOT_FOUND",
    "ContainerNotFound": "NOT_FOUND",
    "EntityTooLarge": "VALIDATION_ERROR",
    "ExpiredToken": "UNAUTHORIZED",
    "InvalidAccessKeyId": "UNAUTHORIZED",
    "InvalidAuthenticationInfo": "UNAUTHORIZED",
    "InvalidToken": "UNAUTHORIZED",
    "NoSuchBucket": "NOT_FOUND",
    "NoSuchKey": "NOT_FOUND",
    "RequestTimeTooSkewed": "UNAUTHORIZED",
    "RequestTimeout": "TIMEOUT",
    "ServerBusy": "RATE_LIMITED",
    "SignatureDoesNotMatch": "UNAUTHORIZED",
    "SlowDown": "RATE_LIMITED",
    "OperationTimedOut": "TIMEOUT",
    "invalid_client": "UNAUTHORIZED",
    "invalid_grant": "UNAUTHORIZED",
}
"""What S3, Azure and Google call their errors."""

_BY_STATUS = {
    400: "VALIDATION_ERROR",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "TIMEOUT",
    413: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    503: "RATE_LIMITED",
    504: "TIMEOUT",
}

_REFUSED = 400
_BAD_GATEWAY = 502
_NO_TEXT = "invalid utf-8 sequence"
_TIMED_OUT = ("operation timed out", "kind: timeout", "timedout", "deadline has elapsed")
_BROKEN = (
    "error sending request",
    "connection closed",
    "connection reset",
    "error decoding response body",
    "incomplete",
    "request or response body error",
    "kind: connect",
    "kind: interrupted",
    "kind: request",
    "unexpected eof",
    "invalid certificate",
)

_UNREADABLE = "encountered object with invalid path"
"""Names that somebody else has given, such as `a//b`: the library stops at them."""

MISSING_FILES = frozenset({"NoSuchKey", "BlobNotFound"})


class Refusal:
    """What can be read of a library's error."""

    def __init__(self, error: BaseException, seen: int | None = None) -> None:
        """Read its text, and keep none of it; `seen` is the status of the latest answer.

        It counts where the library tells none: of a refusal whose body is no text.
        """
        said = str(error)
        status = _STATUS.search(said)
        named = _NAME.search(said) or _GOOGLE_NAME.search(said)
        self.status = None if status is None else int(status[1] or status[2])
        self.name = None if named is None else named[1]
        self._lower = said.lower()
        if self.status is None and seen is not None and seen >= _REFUSED and _NO_TEXT in said:
            self.status = seen
        if self.status is None and _MISSING_IN_BATCH.search(said):
            self.status, self.name = 404, "BlobNotFound"
        if self.name == "AuthorizationFailure" and _NOT_AUTHENTICATED in said:
            self.name = "AuthenticationFailed"

    @property
    def unanswered(self) -> bool:
        """Whether the service itself may have said nothing: our own tunnel answers 502."""
        return self.status in {None, _BAD_GATEWAY}

    @property
    def code(self) -> str:
        """The code of SPEC 12."""
        if self.name in _BY_NAME:
            return _BY_NAME[self.name]
        if self.status is not None:
            return _BY_STATUS.get(self.status, "PROVIDER_ERROR")
        if any(sign in self._lower for sign in _TIMED_OUT):
            return "TIMEOUT"
        if any(sign in self._lower for sign in _BROKEN):
            return "CONNECTION_ERROR"
        return "PROVIDER_ERROR"

    def told(self, where: str, asked: str, wait_ms: int | None = None) -> ProviderError:
        """Make the error; `where` is the service's origin, `asked` what was wanted of it.

        `wait_ms` is what its latest answer asked for, which counts if this is that answer.
        """
        if _UNREADABLE in self._lower:
            message = f"{where} has a file whose name has an empty or a climbing segment: {asked}"
            return ProviderError("PROVIDER_ERROR", message, hint="list another `prefix`")
        if self.status is not None:
            named = f" ({self.name})" if self.name else ""
            message = f"{where} answered {self.status}{named} to the {asked}"
        else:
            message = f"{where} {_REASONS.get(self.code, 'gave no answer to be read')}: {asked}"
        details = {"status": self.status, "error": self.name}
        waits = wait_ms if self.status is not None else None
        return ProviderError(self.code, message, details=details, retry_after_ms=waits)


_REASONS = {
    "TIMEOUT": "took too long",
    "CONNECTION_ERROR": "broke off or could not be reached",
}


def refused_definition(error: BaseException) -> ProviderError:
    """Make the error of a definition that the library cannot use; its text may quote keys."""
    if "ServiceAccountPathAndKeyProvided" in str(error):
        message = "a service account in the worker's environment stands in the way of the storage's"
        hint = "unset GOOGLE_SERVICE_ACCOUNT for the worker"
        return ProviderError("VALIDATION_ERROR", message, hint=hint)
    message = "the storage's keys or settings cannot be used"
    hint = "a service account is Google's JSON, an Azure key is base64"
    return ProviderError("VALIDATION_ERROR", message, hint=hint)
