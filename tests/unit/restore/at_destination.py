"""What tests of a restore do and look for at its destination."""

from lifeboat.restore import objects
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.order import ALL, GROUPS
from lifeboat.restore.relink import relink

INNER = "clusters-blue"


def still_fenced():
    """Nothing has changed at the source, and the lease is ours."""


def restore_objects(destination):
    create_namespaces(destination)
    for group in GROUPS:
        objects.restore_group(destination, group)
    relink(objects.destination_links(destination), ALL, destination.namespace)


def names(cluster, kind, namespace=INNER):
    there = cluster.objects(kind)
    return sorted(each["metadata"]["name"] for each in there if each["metadata"].get("namespace") == namespace)


def one(cluster, kind, name, namespace=INNER):
    return cluster._objects[kind, namespace, name]
