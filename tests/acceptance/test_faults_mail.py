"""The matrix of faults for e-mail: what each fault of an SMTP server comes to (SPEC 9, 12)."""

from base64 import b64encode
from pathlib import Path

from tests.acceptance.faults import Case, outcomes
from tests.servers.faulty import (
    DRIP_S,
    Act,
    Talk,
    faulty_servers,
    hung_up,
    nobody,
    nonsense,
    saying,
    silent,
)

PASSWORD = "smtp-s3cret"
MOST_SENT = 8 * 1_048_576


def smtp(**own: bytes | None) -> Act:
    """Speak SMTP, with replies of its own by verb; none hangs up instead."""
    replies: dict[str, bytes | None] = {
        "GREETING": b"220 here\r\n",
        "EHLO": b"250-here\r\n250 AUTH PLAIN\r\n",
        "AUTH": b"235 in\r\n",
        "DATA": b"354 go on\r\n",
        "END": b"250 taken\r\n",
        "QUIT": b"221 bye\r\n",
        **own,
    }

    async def act(talk: Talk) -> None:
        verb = "GREETING"
        while (reply := replies.get(verb, b"250 fine\r\n")) is not None:
            await talk.say(reply)
            if not reply.endswith(b"\n"):
                return
            if verb == "DATA" and reply.startswith(b"354"):
                await talk.reader.readuntil(b"\r\n.\r\n")
                verb = "END"
            else:
                verb = (await talk.reader.readline()).decode().split(" ")[0].strip().upper()

    return act


QUOTED = b64encode(f"\0ada\0{PASSWORD}".encode())

FAULTS: dict[str, tuple[Act, str]] = {
    "silent": (silent, "TIMEOUT, again"),
    "dripping": (saying(b"220-here\r\n", b"220-and\r\n", every_s=DRIP_S), "TIMEOUT, again"),
    "dripping-head": (saying(b"220 ", b"x", every_s=DRIP_S), "TIMEOUT, again"),
    "hung-up": (hung_up, "CONNECTION_ERROR, again"),
    "cut": (smtp(DATA=b"354 go"), "CONNECTION_ERROR, again"),
    "cut-at-the-end": (smtp(END=None), "CONNECTION_ERROR, again"),
    "denied": (smtp(AUTH=b"535 5.7.8 not " + QUOTED + b"\r\n"), "UNAUTHORIZED"),
    "not-now": (smtp(AUTH=b"454 4.7.0 not now\r\n"), "SERVICE_UNAVAILABLE, again"),
    "limited": (smtp(MAIL=b"450 4.7.1 too many messages\r\n"), "RATE_LIMITED, again"),
    "limited-at-once": (smtp(GREETING=b"421 4.7.28 slow down\r\n"), "RATE_LIMITED, again"),
    "limited-number": (smtp(RCPT=b"451 4.7.1 rate limit\r\n"), "RATE_LIMITED, again"),
    "busy": (smtp(GREETING=b"421 4.3.2 shutting down\r\n"), "SERVICE_UNAVAILABLE, again"),
    "full": (smtp(END=b"452 4.3.1 disk full\r\n"), "SERVICE_UNAVAILABLE, again"),
    "broken": (smtp(END=b"554 5.6.0 no\r\n"), "VALIDATION_ERROR"),
    "nonsense": (nonsense, "PROVIDER_ERROR, again"),
    "garbage": (smtp(MAIL=b"\xff\xfe garbage\r\n"), "PROVIDER_ERROR, again"),
    "endless": (saying(b"220-here\r\n", b"220-and\r\n" * 1_000), "PROVIDER_ERROR, again"),
    "endless-line": (saying(b"220 here", b"x" * 65_536), "PROVIDER_ERROR, again"),
}


async def test_each_fault_of_a_mail_server_has_its_code(tmp_path: Path) -> None:
    acts = {name: act for name, (act, _) in FAULTS.items()}
    async with faulty_servers(acts) as servers:
        ports = {"refused": nobody(), **{name: one.port for name, one in servers.items()}}
        server = {
            "host": "127.0.0.1",
            "security": "none",
            "sender": "shop@shop.example",
            "username": "ada",
            "password": "$Secret{pw}",
        }
        envs = [{"slug": slug, "email": {**server, "port": port}} for slug, port in ports.items()]
        mail = {"tag": "orders", "envs": envs, "messages": []}
        given = {"slug": "x", "email": {"to": ["ada@x.example"], "subject": "Hi", "template": "Hi"}}
        secrets, hidden = {"pw": PASSWORD}, [QUOTED.decode()]
        case = Case({"notifications": [mail]}, "orders", given, secrets, hidden)
        told = await outcomes(case, list(ports), tmp_path, servers)
        expected = {name: code for name, (_, code) in FAULTS.items()}
        assert told == {"refused": "CONNECTION_ERROR, again", **expected}
        for one in servers.values():
            assert one.met > 0
            assert one.sent < MOST_SENT
            await one.all_gone()
