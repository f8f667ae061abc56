"""One AWS: moto, S3 in a process of its own, functions, the resolver. `Server(plan).start()`, later `.stop()`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from sandbox.plan import REGION, Plan

# Read by moto when it is imported: keys and profiles of whoever starts the sandbox must not leak into it.
_ENVIRONMENT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_DEFAULT_REGION": REGION,
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
    "MOTO_ALLOW_NONEXISTENT_REGION": "false",
}


def prepare_environment() -> None:
    """Set up this process's environment; has to run before moto or boto3 is imported."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "MOTO_")):
            del os.environ[name]
    os.environ.update(_ENVIRONMENT)


class Server:
    """Everything that answers for AWS in one sandbox."""

    def __init__(self, plan: Plan) -> None:
        prepare_environment()
        # Imported here: moto reads its settings from the environment while it is imported, and takes a second for it.
        from moto.ec2.models import ec2_backends  # noqa: PLC0415
        from moto.iam.models import iam_backends  # noqa: PLC0415
        from moto.logs.models import logs_backends  # noqa: PLC0415
        from moto.moto_server.werkzeug_app import (  # noqa: PLC0415
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from moto.route53.models import route53_backends  # noqa: PLC0415
        from moto.sts.models import sts_backends  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415

        from sandbox.aws import dns, events, kms, load_balancing, route53, stepfunctions, traces  # noqa: PLC0415
        from sandbox.aws.calls import CallLog  # noqa: PLC0415
        from sandbox.aws.endpoint import Endpoint  # noqa: PLC0415
        from sandbox.aws.functions.code import read_code_from  # noqa: PLC0415
        from sandbox.aws.functions.host import FunctionHost  # noqa: PLC0415
        from sandbox.aws.functions.logs import FunctionLogs  # noqa: PLC0415
        from sandbox.aws.functions.seam import run_functions_on  # noqa: PLC0415
        from sandbox.aws.identities import Identities, backend_of  # noqa: PLC0415
        from sandbox.aws.s3.passing import PassOn  # noqa: PLC0415
        from sandbox.aws.s3.process import S3Process  # noqa: PLC0415
        from sandbox.plan import ACCOUNT_ID, AWS_PORT  # noqa: PLC0415

        class Handler(MotoRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_request(self, *_: object) -> None:
                """Requests are in the call log."""

        identities = Identities(plan, backend_of(sts_backends, "aws"), backend_of(iam_backends, "aws"))
        stepfunctions.switch_on(plan.aws_url)
        events.deliver_to_every_target(plan.aws_url)
        kms.sign_what_was_given()
        route53.judge_changes_by_what_is_there()
        load_balancing.name_load_balancers_by_their_address()
        self._host = FunctionHost(
            plan, identities.of_role, FunctionLogs(plan.logs / "functions", backend_of(logs_backends))
        )
        run_functions_on(self._host)
        read_code_from(plan)
        self._resolver = dns.Resolver(
            plan.resolver,
            dns.route53_records(route53_backends, ACCOUNT_ID),
            dns.vpc_endpoints(backend_of(ec2_backends)),
        )
        self._traces = traces.receiver(plan.aws_address, plan.logs / "traces.jsonl")
        self._s3 = S3Process(plan, identities.secret_of, identities.principal_of)
        endpoint = Endpoint(
            DomainDispatcherApplication(create_backend_app),
            PassOn(plan.s3_address, AWS_PORT),
            CallLog(plan.aws_calls, identities.principal_of),
        )
        host, _, port = plan.aws_url.removeprefix("http://").rpartition(":")
        self._server = make_server(host, int(port), endpoint, threaded=True, request_handler=Handler)

    def start(self) -> None:
        """Answer from now on."""
        self._s3.start()
        self._resolver.serve(_start)
        _start(self._traces.serve_forever, "traces")
        _start(self._server.serve_forever, "aws")

    def stop(self) -> None:
        """End functions first: their calls would otherwise hang on an endpoint that is gone."""
        self._host.close()
        self._server.shutdown()
        self._s3.stop()
        self._resolver.close()
        self._traces.server_close()


def _start(function: Callable[[], None], name: str) -> None:
    threading.Thread(target=function, name=name, daemon=True).start()
