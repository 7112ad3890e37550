"""Messages of the API: what they mean, and what answers say."""
