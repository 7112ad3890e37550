"""Services of the API, each from a checked message to an answer."""
