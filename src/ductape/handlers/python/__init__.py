"""Registered Python functions: the registry, what they see, and the handler that calls them."""

from ductape.handlers.python.calling import PythonHandler
from ductape.handlers.python.context import AsyncContext, ThreadContext
from ductape.handlers.python.feature_context import FeatureContext
from ductape.handlers.python.registry import Handlers, merge

__all__ = ["AsyncContext", "FeatureContext", "Handlers", "PythonHandler", "ThreadContext", "merge"]
