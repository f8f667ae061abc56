"""`python -m sandbox`: placeholder entry point until `up` and `demo` land."""
