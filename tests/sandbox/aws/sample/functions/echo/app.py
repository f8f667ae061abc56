import os
import socket
import sys

import sample_layer


def handler(event, context):
    print(f"echo {event}")  # noqa: T201 - what a function prints is under test
    if event.get("resolve"):
        return {"address": socket.getaddrinfo(event["resolve"], 443, type=socket.SOCK_STREAM)[0][4][0]}
    if event.get("inspect"):
        return {
            "modules": [name for name in ("moto", "sandbox", "pip") if _importable(name)],
            "variables": sorted(os.environ),
            "layer": sample_layer.__file__,
            "argv": sys.argv,
            "remaining": context.get_remaining_time_in_millis(),
            "arn": context.invoked_function_arn,
            "pid": os.getpid(),
        }
    return event


def _importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
