"""What `make bench-backup` measures: a backup's figures against their targets, on this machine, in the sandbox."""
