"""Deleting a moved hosted cluster at its source, with its instances, names and OIDC documents left alone.

A controller that meets a deletion does the opposite of what is wanted: the operator unpauses Cluster API, CAPA
terminates the instances that now serve the destination, and the OIDC documents go. So all of them are observed gone
before the first finalizer comes off, and observed again before every step that deletes.
"""
