"""Commands about scheduling."""
