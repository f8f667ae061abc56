import itertools
import os
import time

from sample_layer import CameTooSoonError, PermanentlyBrokenError

calls = itertools.count(1)


def handler(event, context):
    attempt = next(calls)
    match event["mode"]:
        case "flaky" if attempt < 3:
            raise CameTooSoonError(f"attempt {attempt}")
        case "broken":
            raise PermanentlyBrokenError("it is broken")
        case "exit":
            os._exit(7)
        case "sleep":
            time.sleep(30)
    return {"calls": attempt}
