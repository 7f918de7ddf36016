"""The quick start runs as it stands."""

import os
import re
from pathlib import Path

from sdk_fakes import stock_shop


def test_the_quick_start_works(tmp_path, server, http, monkeypatch):
    """It is the first thing that anyone tries."""
    stock_shop(server)
    monkeypatch.chdir(tmp_path)
    readme = Path(__file__).parents[1] / "README.md"
    code = re.search(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)[1]
    code = code.replace("https://crm.example", http.url).replace("K7QF-2M9X", "GOOD")

    exec(compile(code, str(readme), "exec"), {})  # noqa: S102

    (status,) = {row["status"] for (entity, _), row in server.rows.items() if entity == "order"}
    assert status == "accepted"
    assert set(os.listdir(tmp_path)) >= {"crm.db", "crm.db.credentials.json"}  # noqa: PTH208
