"""Threads, random numbers, replicates and warnings."""
