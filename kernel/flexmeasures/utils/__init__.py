"""Import paths that the documentation promises to scripts and plugins."""
