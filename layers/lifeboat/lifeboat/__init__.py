"""Lifeboat: move an OpenShift hosted cluster to another management cluster while its workers keep running.

functions > runtime, wiring > adapters > the procedure's nouns > ports > values (model, errors, resources, layout).
"""
