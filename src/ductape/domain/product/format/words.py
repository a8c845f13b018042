"""The words that a product document is written in: tags, texts, spans, and their bounds.

Each description says what is expected where a document has something else (`shape`).
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ductape.domain.parsing.scalars import SPAN_MAX_MS

LONGEST_NAME = 200
"""Characters of a tag, as of every name that a request gives (SPEC 1)."""

Tag: TypeAlias = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Za-z0-9_][A-Za-z0-9_.-]*\Z",
        max_length=LONGEST_NAME,
        description="a tag of letters, digits, `_`, `-` and `.`, at most 200 characters",
    ),
]
"""What other things call a thing by. Without `:`, which joins tags (`notification:message`),
braces and spaces, so that it can stand in every reference and address."""

Name: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, description="a text of 1 to 200 characters")
]
"""What people call a thing."""

Words: TypeAlias = Annotated[
    str, Meta(max_length=10_000, description="a text of at most 10000 characters")
]

Filled: TypeAlias = Annotated[str, Meta(min_length=1, description="a text that is not empty")]

Credential: TypeAlias = Annotated[
    str,
    Meta(min_length=1, description="a credential, written `$Secret{name}`", extra={"masked": True}),
]
"""What no error may show, even where it is wrong."""

UserName: TypeAlias = Annotated[str, Meta(description="a text, empty where there is none")]
"""Of basic auth: some APIs have a password alone, some a name alone."""

Password: TypeAlias = Annotated[
    str,
    Meta(
        description='a credential, written `$Secret{name}`, or `""` for none',
        extra={"masked": True},
    ),
]
"""Of basic auth; nothing at all is written out."""

Span: TypeAlias = Annotated[
    int,
    Meta(ge=1, le=SPAN_MAX_MS, description="an integer above 0, at most a hundred years"),
]
"""A span; what its unit is, its field says."""

Days: TypeAlias = Annotated[
    float, Meta(ge=0.01, le=36_500, description="a number of days from 0.01 to 36500")
]
"""A span in days, fractions allowed."""

Retries: TypeAlias = Annotated[int, Meta(ge=0, le=1_000, description="an integer from 0 to 1000")]

Port: TypeAlias = Annotated[int, Meta(ge=1, le=65_535, description="a port from 1 to 65535")]

AnswerBytes: TypeAlias = Annotated[
    int,
    Meta(ge=1, le=16_777_216, description="a size in bytes from 1 to 16777216"),
]

AuthType: TypeAlias = Literal["bearer", "basic", "api_key"]
"""How a caller shows who it is: a token, a user name and a password, a key of a given name."""

AppAuthType: TypeAlias = Literal["bearer", "basic", "api_key", "oauth2"]
"""An app may also be told by a token that is got from its own token URL."""

Grant: TypeAlias = Literal["client_credentials", "refresh_token"]
"""By what an OAuth2 token is got (RFC 6749, 4.4 and 6)."""

AuthStyle: TypeAlias = Literal["header", "body"]
"""Where a token URL wants the client's id and secret: in basic auth, or in the form."""

Location: TypeAlias = Literal["header", "query"]
