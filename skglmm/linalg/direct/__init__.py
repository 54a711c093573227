"""Exact elimination along nested and crossed factors."""
