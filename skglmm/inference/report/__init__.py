"""Tables and texts, whatever they are about."""
