"""The dashboard: what the assets do now and next, where they are, and what needs somebody (contract 25.3, 25.4)."""
