"""The functions that do the work. `ductape.toml` names this registry."""

from ductape import Handlers

handlers = Handlers()


@handlers.job("greet")
def greet(given: dict[str, str]) -> dict[str, str]:
    """Greet somebody: the event `greet` with the input `{"name": …}`."""
    return {"greeting": f"Hello, {given.get('name', 'world')}!"}
