"""Settlements applied, each whole or not at all."""
