"""HTTP to other people's servers, guarded: the floor that other providers stand on."""

from ductape.providers.http.client import AiohttpClient
from ductape.providers.http.guard import Guard, connect

__all__ = ["AiohttpClient", "Guard", "connect"]
