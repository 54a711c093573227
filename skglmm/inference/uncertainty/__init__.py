"""Profiles, bootstrap and sandwich."""
