"""Retention: which backups are kept, and the deletion of the others by delete markers."""
