"""Who may talk to a management cluster's API: the one list that both backends authenticate by.

The emulated API reads it as it is, a real one as its token file. `kubernetes-admin` and the controllers are
administrators (`system:masters`, whom no rule binds); everyone else may do what RBAC grants, so `viewer` nothing much
until somebody binds a role to it.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan

ADMINISTRATORS = "system:masters"
VIEWER = "viewer"


@dataclass(frozen=True)
class User:
    """One user, with the groups that its token carries; `system:authenticated` comes on top at the API."""

    token: str
    name: str
    groups: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """A token file wants one; nothing here looks at it."""
        return f"uid-{self.name}"


def of(cluster: ManagementClusterPlan) -> tuple[User, ...]:
    """All users of one management cluster."""
    return (
        User(cluster.admin_token, "kubernetes-admin", (ADMINISTRATORS,)),
        User(cluster.controllers_token, "system:serviceaccount:hypershift:controllers", (ADMINISTRATORS,)),
        User(cluster.kubelet_token, "system:node:sandbox", ("system:nodes",)),
        User(cluster.viewer_token, VIEWER),
    )


def token_file(cluster: ManagementClusterPlan) -> str:
    """The same list as kube-apiserver's `--token-auth-file` reads it: token, name, uid, groups."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for user in of(cluster):  # an empty field would be a group without a name
        rows.writerow((user.token, user.name, user.uid, *([",".join(user.groups)] if user.groups else [])))
    return text.getvalue()
