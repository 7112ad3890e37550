"""The kernel's commands, a module each. At their top they import nothing heavier than click."""
