"""Product documents for tests: whole, small, and right unless told otherwise."""

from copy import deepcopy

from ductape.domain.jsonvalue import JsonObject
from ductape.errors import Fault, ValidationError

DOCUMENT: JsonObject = {
    "tag": "shop",
    "name": "Shop",
    "envs": [{"slug": "dev", "locale": "nl", "allow_private": True}, {"slug": "prd"}],
    "apps": [
        {
            "tag": "partner",
            "envs": [
                {"slug": "dev", "base_url": "http://127.0.0.1:9"},
                {"slug": "prd", "base_url": "https://partner.example", "allow_private": False},
            ],
            "auths": [
                {
                    "tag": "token",
                    "type": "bearer",
                    "token": "$Secret{partner_token}",
                    "envs": [{"slug": "prd", "token": "$Secret{live_token}"}],
                }
            ],
            "variables": [
                {"key": "site", "value": "test", "envs": [{"slug": "prd", "value": "live"}]}
            ],
            "constants": [{"key": "source", "value": "shop"}],
            "actions": [
                {
                    "tag": "create_order",
                    "method": "POST",
                    "resource": "/customers/:id/orders",
                    "auth": "token",
                    "headers": {"X-Source": "$Constant{partner}{source}"},
                    "query": {"site": "$Variable{partner}{site}"},
                    "envs": [{"slug": "prd", "query": {"live": True}}],
                }
            ],
        }
    ],
    "notifications": [
        {
            "tag": "tell",
            "push_notification": {"type": "expo", "access_token": "$Secret{expo}"},
            "envs": [
                {
                    "slug": "prd",
                    "email": {"host": "mail.example", "sender": "shop@example.org"},
                }
            ],
            "messages": [{"tag": "welcome", "email": {"subject": "Hi {{name}}"}}],
        }
    ],
    "sessions": [
        {
            "tag": "user",
            "schema": {"id": "u1", "email": "a@b.example"},
            "selector": "$Session{id}",
            "expiry": 2,
            "period": "hours",
        }
    ],
    "caches": [{"tag": "quick", "expiry": 5_000}],
    "jobs": [{"tag": "report", "handler": "python"}],
    "functions": [{"tag": "add", "handler": "python", "sensitive": True}],
}


def a_document(**sections: object) -> JsonObject:
    """Return a document of its own; sections given replace those of the usual one."""
    return {**deepcopy(DOCUMENT), **sections}


def a_small_document(**sections: object) -> JsonObject:
    """Return a document with nothing but what every product has."""
    return {"tag": "shop", "envs": [{"slug": "dev"}], **sections}


def an_app(**parts: object) -> JsonObject:
    """Return a connected app without actions."""
    return {"tag": "partner", "envs": [{"slug": "dev", "base_url": "https://a.example"}], **parts}


def an_action(tag: str = "send", **parts: object) -> JsonObject:
    """Return an action."""
    return {"tag": tag, "method": "POST", "resource": "/things", **parts}


def by_path(error: ValidationError) -> dict[str, Fault]:
    """Index faults by their paths."""
    return {fault["path"]: fault for fault in error.errors}
