"""Backups in a whole sandbox: both kinds, etcds that are ill, ways that are cut, tasks that are killed."""
