"""Starting and ending a whole sandbox."""
