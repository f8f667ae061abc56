"""A model of lease and fence, small enough to be searched whole."""
