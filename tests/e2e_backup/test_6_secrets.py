"""After all of the above: what may never stand in a log, a history, an audit log or a command, stands in none."""

import time

from sandbox.proof import etcd, secrecy
from sandbox.proof.sampling import Sampler


def test_no_log_and_no_history_holds_a_secret(sandbox):
    """Functions' logs, the APIs' audit logs, all executions with their data, events, calls of AWS."""
    plan, needles = sandbox.plan, secrecy.needles(sandbox.plan)
    audited = (plan.logs / "mgmt-1-audit.jsonl").read_text()
    assert "/pods/etcd-0/exec" in audited, "the audit log tells nothing of execs, so it proves nothing"
    assert "lifeboat" in audited
    assert secrecy.leaks(plan, sandbox.client("stepfunctions"), needles) == []


def test_a_planted_secret_is_found(sandbox, home, blue):
    """The sampler of the tests above sees into the pods: words, environments and files there."""
    canary, *_ = needles = secrecy.needles(sandbox.plan)
    with Sampler(sandbox.plan, needles) as sampler:
        etcd.run(home, blue.plane, "etcd-0", f"sh -c 'sleep 0.3; : {canary}'")
        etcd.run(home, blue.plane, "etcd-1", f"X='{canary}' sleep 0.3")
        etcd.run(home, blue.plane, "etcd-2", "echo '?X-Amz-Signature=0' > /tmp/planted; sleep 0.3; rm /tmp/planted")
        time.sleep(0.1)
    assert "cmdline of sh" in sampler.found
    assert any(each.startswith("environ of ") for each in sampler.found)
    assert any(each.endswith("/etcd/root/tmp/planted") for each in sampler.found)
