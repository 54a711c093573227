"""What is told of a fit, in tables and in words: frames, notes and findings."""
