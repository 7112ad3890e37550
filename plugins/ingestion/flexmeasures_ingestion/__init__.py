"""Values from files: CSV read, units converted, events put on the grid of a sensor."""
