"""Readers of files: each knows its files by their beginning, and gives their rows with times and units."""
