"""Guests that are not written here: how they are fetched from where the user has them, and built."""
