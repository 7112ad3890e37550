"""Commands about forecasting."""
