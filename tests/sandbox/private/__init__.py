"""Private hosted clusters in the sandbox: their way to the API, who keeps it, who takes it away."""
