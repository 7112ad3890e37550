"""The mathematics of storage: linear programs and what they need. Numbers in, numbers out."""
