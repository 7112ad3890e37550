"""Commands about algorithms."""
