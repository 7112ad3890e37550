"""What forecasters by regression share: what was known as columns, how models are chosen, fitted and judged."""
