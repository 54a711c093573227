"""Families of positive numbers: amounts, durations, sizes."""
