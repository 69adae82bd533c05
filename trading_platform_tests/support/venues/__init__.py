"""Exchanges as far as their public documentation tells, for what can't be asked from here."""
