"""Executes declared features: sequences side by side, steps one by one, all of them durable."""

from ductape.handlers.feature.whole import FeatureHandler

__all__ = ["FeatureHandler"]
