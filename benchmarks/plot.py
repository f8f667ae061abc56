"""The figures as one SVG: three rows of bars, drawn without a library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.figures import Figure

_WIDTH, _BAR, _GAP, _LEFT, _TOP, _HEADING = 860, 22, 8, 250, 30, 34
_ROOM = _WIDTH - _LEFT - 190
_OURS, _OTHER, _LIMIT = "#2b6cb0", "#a0aec0", "#c53030"


@dataclass(frozen=True)
class _Bar:
    label: str
    value: float
    text: str
    colour: str = _OURS


@dataclass(frozen=True)
class _Panel:
    """Bars of one unit from 0 on; `limit` is drawn as a line."""

    title: str
    bars: Sequence[_Bar]
    limit: float | None = None
    limit_text: str = ""

    @property
    def height(self) -> int:
        return _HEADING + len(self.bars) * (_BAR + _GAP) + 30


def svg(figures: Sequence[Figure]) -> str:
    """An SVG document; what was not measured is left out."""
    panels = [each for each in _panels([each for each in figures if each.value is not None]) if each.bars]
    height = _TOP + sum(each.height for each in panels)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" style="font: 13px sans-serif">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
    ]
    top = _TOP
    for panel in panels:
        lines += _draw(panel, top)
        top += panel.height
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panels(figures: Sequence[Figure]) -> list[_Panel]:
    by_name: dict[str, list[Figure]] = {}
    for each in figures:
        by_name.setdefault(each.name, []).append(each)
    return [
        *(_export(each) for each in by_name.get("export_ratio", ())),
        _snapshots(by_name.get("snapshot_ratio", [])),
        _memory(by_name.get("peak_rss_mib", [])),
        *(_writes(each) for each in by_name.get("p99_ratio", ())),
    ]


def _export(figure: Figure) -> _Panel:
    detail = figure.detail
    seconds = sorted(detail["export_seconds"])[len(detail["export_seconds"]) // 2]
    bars = [
        _Bar("kubectl get per object", detail["kubectl_seconds"], f"{detail['kubectl_seconds']:.0f} s", _OTHER),
        _Bar("export", seconds, f"{seconds:.2f} s"),
    ]
    return _Panel(f"{detail['objects_exported']} objects exported: {figure.value:g} times as fast (target 100)", bars)


def _snapshots(figures: Sequence[Figure]) -> _Panel:
    bars = []
    for each in figures:
        mib = each.detail["bytes"] / 1024**2
        for label, key, colour in (("raw save", "raw_seconds", _OTHER), ("stored in S3", "to_s3_seconds", _OURS)):
            runs = sorted(each.detail[key])
            seconds = runs[len(runs) // 2]
            bars.append(
                _Bar(f"{each.size}, {label}", mib / seconds, f"{mib / seconds:.0f} MiB/s, {seconds:.1f} s", colour)
            )
    return _Panel("Snapshot, unpaced (MiB per second)", bars)


def _memory(figures: Sequence[Figure]) -> _Panel:
    bars = [_Bar(str(each.size), each.value or 0, f"{each.value:.0f} MiB") for each in figures]
    return _Panel("Peak memory of the largest function, by size of the database", bars, 256, "256 MiB")


def _writes(figure: Figure) -> _Panel:
    bars, detail = [], figure.detail
    for number, (idle, during) in enumerate(zip(detail["idle_p99_ms"], detail["during_p99_ms"], strict=True), start=1):
        bars.append(_Bar(f"run {number}, idle", idle, f"{idle:g} ms", _OTHER))
        bars.append(_Bar(f"run {number}, online backup", during, f"{during:g} ms"))
    limit = 2 * sorted(detail["idle_p99_ms"])[len(detail["idle_p99_ms"]) // 2]
    return _Panel(f"p99 of writes to etcd: ratio {figure.value:g} (target 2)", bars, limit, "twice idle")


def _draw(panel: _Panel, top: int) -> list[str]:
    most = max([each.value for each in panel.bars] + ([panel.limit] if panel.limit else []))
    scale = _ROOM / most if most else 0.0
    lines = [f'<text x="20" y="{top}" style="font: bold 15px sans-serif">{escape(panel.title)}</text>']
    y = top + _HEADING - 16
    end = y + len(panel.bars) * (_BAR + _GAP)
    for bar in panel.bars:
        width = max(1.0, bar.value * scale)
        middle = y + _BAR - 6
        lines += [
            f'<text x="{_LEFT - 10}" y="{middle}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{bar.colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{middle}">{escape(bar.text)}</text>',
        ]
        y += _BAR + _GAP
    if panel.limit:
        x = _LEFT + panel.limit * scale
        lines += [
            f'<line x1="{x:.1f}" y1="{top + 10}" x2="{x:.1f}" y2="{end}" stroke="{_LIMIT}" stroke-dasharray="5 4"/>',
            f'<text x="{x:.1f}" y="{end + 12}" fill="{_LIMIT}" text-anchor="middle">{escape(panel.limit_text)}</text>',
        ]
    return lines
