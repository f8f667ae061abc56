from lifeboat import approvals, report
from lifeboat.model import Task
from tests.unit.test_approvals import EXECUTION, TOKEN, MemoryApprovals


def test_the_notification_asks_about_the_loss_and_holds_no_token(source):
    source.choose()
    kept = MemoryApprovals()
    approvals.ask(kept, Task.from_event({"task": source.data, "token": TOKEN}))
    ((subject, message),) = kept.told
    assert "with loss of data" in subject
    assert "600 seconds" in message
    assert "lifeboat approve arn:" in message
    assert TOKEN not in str(kept.told)
    assert EXECUTION not in subject


def test_the_report_says_what_was_accepted_and_what_is_left_to_do(chosen):
    chosen.cut()
    chosen.fence()
    made = report.compose(chosen.data, chosen.move, chosen.dns, chosen.instances, chosen.clock)
    told = made["unreachableSource"]
    assert (told["reason"], told["approved"]["by"], told["backupAgeSeconds"]) == ("its API died", "me", 600)
    assert told["revisions"] == {"etcd-0": [4711, 1_000_004_711]}
    assert told["cut"]["records"] == 8
    assert any("must not come back" in each for each in told["left"])
    assert made["startedAt"] == chosen.clock.now().isoformat(timespec="seconds")  # not the backup's, hours before
    assert made["deleted"] is None


def test_a_move_with_its_source_says_nothing_of_it(source):
    source.choose()
    del source.data["unreachableSource"]
    assert "unreachableSource" not in report.compose(
        source.data, source.move, source.dns, source.instances, source.clock
    )
