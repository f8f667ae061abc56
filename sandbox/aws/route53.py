"""Route53's change batches as AWS takes them.

moto 5.2.5 judges a change by a journal that it never clears: it refuses to create a record that was once deleted, lets
a record be created twice with another value, takes any former value for a deletion, and calls a deletion of what is
not there InvalidInput instead of InvalidChangeBatch.
"""

from __future__ import annotations

from typing import Any

from moto.route53.exceptions import ResourceRecordAlreadyExists, Route53ClientError
from moto.route53.models import ChangeList, Route53Backend

from sandbox.aws.patching import replace


def judge_changes_by_what_is_there() -> None:
    """Replace the check of change batches: before each, the journal is cut down to the records of the zone."""

    def change(self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
        zone = self.get_hosted_zone(zoneid)
        present = {_key(record.name, record.type) for record in zone.rrsets}
        latest: dict[tuple[str, str], dict[str, Any]] = {}
        for each in zone.rr_changes:
            record = each["ResourceRecordSet"]
            if each["Action"] != "DELETE" and _key(record["Name"], record["Type"]) in present:
                latest[_key(record["Name"], record["Type"])] = each
        zone.rr_changes = ChangeList(latest.values())
        for each in change_list:
            record = each["ResourceRecordSet"]
            weighted = "SetIdentifier" in record
            if each["Action"] == "CREATE" and not weighted and _key(record["Name"], record["Type"]) in present:
                raise ResourceRecordAlreadyExists(name=record["Name"].rstrip(".") + ".", _type=record["Type"])
            if each["Action"] == "DELETE" and not zone.rr_changes.has_insert_or_update(record):
                raise Route53ClientError(
                    "InvalidChangeBatch",
                    f"[Tried to delete resource record set [name='{record['Name']}', type='{record['Type']}'] "
                    "but it was not found]",
                )
        original(self, zoneid, change_list)

    original = replace(Route53Backend, "change_resource_record_sets", change)


def _key(name: str, kind: str) -> tuple[str, str]:
    return name.rstrip(".").lower(), kind
