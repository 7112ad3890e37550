"""Commands about master data."""
