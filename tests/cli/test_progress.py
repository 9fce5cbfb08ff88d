"""What a terminal shows while several runs are trained: a table, and bars below it."""

import io

from rich.console import Console

from dcgan_kit.terminal import progress
from dcgan_kit.terminal.progress import RunsProgress, TableWatcher, TaskProgress


def test_a_table_stands_above_the_bars_and_the_next_one_replaces_it(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(progress, "console", lambda error: Console(file=out, force_terminal=True, width=60))
    with RunsProgress() as shown:
        shown.table(("variant", "finished"), [("resize", "0 of 2")])
        shown.preparation("resize, seed 0, step", 3, 10)
        shown.table(("variant\x1b[2J", "finished"), [("resize", "1 of 2"), ("a long\x1b[2J name", "0 of 2")])
        shown.bar.refresh()
        whole = Console(file=(rendered := io.StringIO()), force_terminal=True, width=60)
        whole.print(shown.bar.get_renderable())
        cells = [str(cell) for cell in shown.bar.above[0].columns[1].cells]
    assert cells == ["1 of 2", "0 of 2"]
    text = out.getvalue()
    assert rendered.getvalue().index("finished") < rendered.getvalue().index("resize, seed 0, step")
    assert "\x1b[2J" not in text
    assert isinstance(shown, TableWatcher)
    assert not isinstance(TaskProgress(), TableWatcher)
