"""Telling the owner, by whatever channels he has."""
