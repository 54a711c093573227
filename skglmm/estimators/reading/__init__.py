"""From what users pass to designs and responses."""
