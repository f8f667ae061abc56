"""The command `lifeboat`: starts executions, follows them, lists backups. It holds no recovery logic."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lifeboat.model import HostedClusterRef
from lifeboat_cli import listing, planning, registering, running, verifying
from lifeboat_cli.stack import Stack, StackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code (1: it failed, 2: wrong usage, 3: AWS could not be asked)."""
    options = _parse(arguments)
    try:
        return _run(options, Stack(options.stack))
    except StackError as error:
        print(f"lifeboat: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `lifeboat ... | head`: Python writes once more at its end, where nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded by now, or not the cause

        if not isinstance(error, (BotoCoreError, ClientError)):
            raise
        print(f"lifeboat: AWS says: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("no longer following; the execution goes on", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace, stack: Stack) -> int:  # noqa: PLR0911 - one return per command
    match options.command:
        case "backup" | "restore" | "teardown" | "recover":
            given = _given(options, options.command)
            return running.start(stack, options.command, given, name=options.name, watch=options.follow)
        case "plan":
            return planning.show(stack, options.kind, _planned(options), as_json=options.json)
        case "follow":
            return running.watch_execution(stack, options.execution)
        case "backups":
            hosted = HostedClusterRef(**options.hosted_cluster) if options.hosted_cluster else None
            return listing.print_backups(stack, hosted, as_json=options.json, again=options.rebuild)
        case "verify":
            hosted = HostedClusterRef(**options.hosted_cluster)
            return verifying.verify(stack, hosted, options.backup_id, deep=options.deep, as_json=options.json)
        case "approve" | "reject":
            return running.answer(stack, options.execution, approve=options.command == "approve", reason=options.reason)
        case _:
            return registering.add(
                stack, options.name, options.kubeconfig, options.region, options.kind, options.standby
            )


def _given(options: argparse.Namespace, kind: str) -> dict[str, Any]:
    """The input of a machine."""
    fields = ("hosted_cluster", "operation_id", *_FIELDS[kind])
    given = {_camel_case(field): getattr(options, field) for field in fields}
    if getattr(options, "override_reason", None):
        given["override"] = {"reason": options.override_reason, "approvedBy": options.approved_by}
    if getattr(options, "unreachable_source", None):
        given["unreachableSource"] = {"accept": "data-loss", "reason": options.unreachable_source}
    return given


def _planned(options: argparse.Namespace) -> dict[str, Any]:
    """The input of the machine whose plan is asked for."""
    return {key: value for key, value in _given(options, options.kind).items() if value is not None}


_FIELDS = {
    "backup": ("source", "kind"),
    "restore": ("destination", "backup_id", "etcd_restore"),
    "teardown": ("source", "restore_execution"),
    "recover": ("source", "destination", "approval", "on_conflict", "plan_digest", "etcd_restore"),
}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse, and take `verify NAMESPACE/NAME --deep BACKUP` too, which argparse does not."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if len(rest) == 1 and getattr(options, "backup_id", "") is None and not rest[0].startswith("-"):
        try:
            options.backup_id = running.backup_id(rest[0])
        except argparse.ArgumentTypeError as error:
            parser.error(str(error))
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lifeboat", description="Move hosted clusters between management clusters.")
    parser.add_argument("--stack", default="lifeboat", help="name of the deployed stack (default: lifeboat)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    backup = _operation(commands, "backup", "save one hosted cluster")
    backup.add_argument("--source", required=True, help="management cluster that has it")
    backup.add_argument("--kind", choices=("online", "quiesced"), help="default: online")

    restore = _operation(commands, "restore", "restore a fenced hosted cluster elsewhere")
    restore.add_argument("--destination", required=True, help="management cluster that gets it")
    restore.add_argument("--backup-id", default="latest", help="default: latest")
    _how_etcd(restore)

    teardown = _operation(commands, "teardown", "delete a moved hosted cluster at its source")
    teardown.add_argument("--source", required=True, help="management cluster to delete it from")
    proof = teardown.add_mutually_exclusive_group(required=True)
    proof.add_argument("--restore-execution", metavar="ARN", help="the verified restore")
    proof.add_argument("--override-reason", metavar="TEXT", help="delete without that proof")
    teardown.add_argument("--approved-by", metavar="NAME", default="", help="who takes the responsibility for that")

    recover = _operation(commands, "recover", "all of it: move a hosted cluster")
    recover.add_argument("--source", required=True, help="management cluster that has it")
    recover.add_argument("--destination", required=True, help="management cluster that gets it")
    recover.add_argument("--approval", choices=("required", "none"), help="default: required")
    recover.add_argument("--on-conflict", choices=("fail", "wait"), help="when another operation works there")
    recover.add_argument(
        "--unreachable-source",
        metavar="REASON",
        help="the source's API is dead: recover from the newest backup, accepting that later data are lost",
    )
    _how_etcd(recover)
    recover.add_argument("--plan-digest", metavar="DIGEST", help="the plan that was read; any other is refused")

    _plans(commands)

    follow = commands.add_parser("follow", help="follow an execution to its end")
    follow.add_argument("execution", help="its ARN, or its name")

    backups = commands.add_parser("backups", help="list backups by the catalog")
    backups.add_argument("hosted_cluster", nargs="?", type=running.hosted_cluster, metavar="NAMESPACE/NAME")
    backups.add_argument("--json", action="store_true")
    backups.add_argument("--rebuild", action="store_true", help="make the catalog up from the records first")

    verify = commands.add_parser(
        "verify",
        help="prove one backup, by default the newest",
        epilog="Exit code: 0 proven, 1 not proven, 3 AWS could not be asked.",
    )
    verify.add_argument("hosted_cluster", type=running.hosted_cluster, metavar="NAMESPACE/NAME")
    verify.add_argument("backup_id", nargs="?", type=running.backup_id, metavar="BACKUP")
    verify.add_argument("--deep", action="store_true", help="read every byte, not only what S3 tells of it")
    verify.add_argument("--json", action="store_true")

    for verb in ("approve", "reject"):
        answer = commands.add_parser(verb, help=f"{verb} an execution that waits")
        answer.add_argument("execution", help="its ARN, or its name")
        answer.add_argument("--reason")

    clusters = commands.add_parser("clusters", help="management clusters")
    add = clusters.add_subparsers(dest="clusters_command", required=True).add_parser("add", help="register one")
    add.add_argument("name")
    add.add_argument("--kubeconfig", type=Path, required=True, help="with certificates and tokens inline")
    add.add_argument("--region", required=True)
    add.add_argument("--kind", choices=("openshift", "eks"), default="openshift")
    add.add_argument("--standby", help="management cluster to recover to")
    return parser


def _plans(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = commands.add_parser(
        "plan",
        help="what an operation would write, in order, and what stands against it; changes nothing",
        epilog="Exit code: 0 fit, 1 problems, 3 AWS could not be asked.",
    )
    kinds = plan.add_subparsers(dest="kind", required=True, metavar="OPERATION")
    for kind in ("recover", "restore", "teardown"):
        each = kinds.add_parser(kind)
        each.add_argument("hosted_cluster", type=running.hosted_cluster, metavar="NAMESPACE/NAME")
        each.add_argument("--operation-id", help="of an operation that goes on")
        each.add_argument("--json", action="store_true")
        if kind != "restore":
            each.add_argument("--source", required=True, help="management cluster that has it")
        if kind != "teardown":
            each.add_argument("--destination", required=True, help="management cluster that gets it")
            _how_etcd(each)
    kinds.choices["recover"].set_defaults(approval=None, on_conflict=None, plan_digest=None)
    kinds.choices["restore"].add_argument("--backup", dest="backup_id", default="latest", help="default: latest")
    proof = kinds.choices["teardown"].add_mutually_exclusive_group(required=True)
    proof.add_argument("--restore-execution", metavar="ARN", help="the verified restore")
    proof.add_argument("--override-reason", metavar="TEXT", help="delete without that proof")
    kinds.choices["teardown"].add_argument("--approved-by", metavar="NAME", default="")


def _how_etcd(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--etcd-restore",
        choices=("volumes", "snapshotUrl"),
        help="fill etcd's volumes beforehand (default), or let it restore itself from a URL where that is safe",
    )


def _operation(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help_text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=help_text)
    parser.add_argument("hosted_cluster", type=running.hosted_cluster, metavar="NAMESPACE/NAME")
    parser.add_argument("--operation-id", help="go on with an operation that was cut off")
    parser.add_argument("--name", help="name of the execution")
    parser.add_argument("--follow", action="store_true", help="show its steps until it ends")
    return parser


def _camel_case(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


if __name__ == "__main__":
    sys.exit(main())
