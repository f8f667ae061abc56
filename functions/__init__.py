"""One folder per task of the state machines; each holds `app.py` with its handler."""
