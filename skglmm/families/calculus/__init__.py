"""Log densities with derivatives, packed."""
