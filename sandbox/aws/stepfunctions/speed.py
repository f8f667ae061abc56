"""What makes executions affordable on a small machine: shared clients, remembered parse trees, no dead threads."""

from __future__ import annotations

import secrets
import threading
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import boto3
from antlr4 import CommonTokenStream, InputStream  # type: ignore[import-untyped]
from botocore.config import Config
from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
    SyntaxErrorListener,
)
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.utils import TMP_THREADS

from sandbox.aws.patching import replace

STATES_ACCESS_KEY = "ASIASTATESAMAZONAWS0"
"""The key with which state machines call services: the call log tells their calls by it."""
STATES_SECRET_KEY = secrets.token_urlsafe(30)


def share_clients(endpoint_url: str) -> None:
    """Build one client per service and region, bound to `endpoint_url`, where moto builds one per task.

    It also frees tasks from moto's fixed `http://localhost:$MOTO_PORT`.
    """
    lock = threading.Lock()
    clients: dict[tuple[str, str], Any] = {}
    session = boto3.session.Session(aws_access_key_id=STATES_ACCESS_KEY, aws_secret_access_key=STATES_SECRET_KEY)

    def client(*, service_name: str, region_name: str, config: Config, **_: Any) -> Any:
        with lock:
            key = (service_name, region_name)
            if key not in clients:
                clients[key] = session.client(
                    service_name,
                    region_name=region_name,
                    endpoint_url=endpoint_url,
                    config=config.merge(Config(max_pool_connections=64)),
                )
            return clients[key]

    replace(boto_client, "boto3", SimpleNamespace(client=client))


def remember_parsed_definitions() -> None:
    """Parse a definition once, and build only the program anew for each start: parsing 60 tasks takes half a second."""

    @lru_cache(maxsize=64)
    def tree_of(definition: str) -> Any:
        listener: Any = SyntaxErrorListener()  # type: ignore[no-untyped-call]
        parser: Any = ASLParser(CommonTokenStream(ASLLexer(InputStream(definition))))
        parser.removeErrorListeners()
        parser.addErrorListener(listener)
        tree = parser.state_machine()
        if listener.errors:
            raise ASLParserException(errors=listener.errors)
        return tree

    def parse(definition: str) -> tuple[Any, Any]:
        tree = tree_of(definition)
        preprocessor: Any = Preprocessor()
        return preprocessor.visit(tree), tree

    replace(AmazonStateLanguageParser, "parse", staticmethod(parse))


def forget_finished_threads() -> None:
    """Drop ended threads from moto's global list of them, which only ever grows."""
    original: Any = ExecutionWorker.start

    def start(self: Any) -> None:
        TMP_THREADS[:] = [thread for thread in TMP_THREADS if thread.is_alive()]
        original(self)

    replace(ExecutionWorker, "start", start)
