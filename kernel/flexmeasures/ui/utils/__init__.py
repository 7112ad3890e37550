"""Import paths that the documentation promises to plugins with pages."""
