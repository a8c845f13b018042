"""HTTP to other people's servers, guarded: the floor that other providers stand on."""

from ductape.providers.http.certificates import remedy_for
from ductape.providers.http.client import AiohttpClient
from ductape.providers.http.guard import Guard, addresses, connect

__all__ = ["AiohttpClient", "Guard", "addresses", "connect", "remedy_for"]
