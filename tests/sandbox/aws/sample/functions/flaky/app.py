import os
import time

from sample_layer import CameTooSoonError, PermanentlyBrokenError

calls = 0


def handler(event, context):
    global calls
    calls += 1
    match event["mode"]:
        case "flaky" if calls < 3:
            raise CameTooSoonError(f"attempt {calls}")
        case "broken":
            raise PermanentlyBrokenError("it is broken")
        case "exit":
            os._exit(7)
        case "sleep":
            time.sleep(30)
    return {"calls": calls}
