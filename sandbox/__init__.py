"""The sandbox: the only place where anything is simulated. Nothing that ships imports it."""
