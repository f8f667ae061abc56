"""How figures become verdicts, a document and a drawing."""

import json
from xml.etree import ElementTree

import pytest

from benchmarks import plot
from benchmarks.figures import Figure, document, quantile, skipped, write

FIGURES = [
    Figure(
        "export_ratio",
        120.0,
        ">= 100",
        is_met=True,
        detail={"export_seconds": [0.9, 1.0, 4.0], "kubectl_seconds": 120.0, "objects_exported": 1070},
    ),
    Figure(
        "snapshot_ratio",
        0.5,
        ">= 0.9",
        is_met=False,
        size="1 GiB",
        detail={"bytes": 2**30, "raw_seconds": [4.0], "to_s3_seconds": [8.0]},
    ),
    skipped("snapshot_ratio", ">= 0.9", "3 GiB of disk are free", "4 GiB"),
    Figure("peak_rss_mib", 127.4, "< 256", is_met=True, size="1 GiB"),
    Figure("p99_ratio", 2.5, "<= 2", is_met=False, detail={"idle_p99_ms": [4.0], "during_p99_ms": [10.0]}),
]


def test_a_missed_target_is_told_as_such():
    verdicts = [(each["figure"], each["verdict"]) for each in document(FIGURES, {})["figures"]]
    assert verdicts == [
        ("export_ratio", "met"),
        ("snapshot_ratio", "FAILED"),
        ("snapshot_ratio", "not measured"),
        ("peak_rss_mib", "met"),
        ("p99_ratio", "FAILED"),
    ]


def test_document_has_plain_values_by_name_and_size(tmp_path):
    write(tmp_path / "bench" / "backup.json", document(FIGURES, {"machine": {"cores": 2}}))
    told = json.loads((tmp_path / "bench" / "backup.json").read_text())
    assert told["export_ratio"] == 120.0
    assert told["snapshot_ratio"] == {"1 GiB": 0.5, "4 GiB": None}
    assert told["machine"] == {"cores": 2}
    assert told["figures"][2]["reason"] == "3 GiB of disk are free"


def test_bars_are_as_long_as_their_values():
    root = ElementTree.fromstring(plot.svg(FIGURES))
    _, *bars = (float(each.get("width")) for each in root.iter("{http://www.w3.org/2000/svg}rect"))
    kubectl, export, raw, stored, memory, idle, during = bars
    assert export / kubectl == pytest.approx(1 / 120, abs=0.001)
    assert stored / raw == pytest.approx(0.5, abs=0.001)
    assert idle / during == pytest.approx(0.4, abs=0.001)
    assert memory / raw == pytest.approx(127.4 / 256, abs=0.001)


def test_quantile_is_of_what_was_measured():
    assert quantile([*range(100)], 0.99) == 99
    assert quantile([5.0, 1.0, 3.0], 0.5) == 3.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.99)
