"""cpca and jionlp on the lines given as a JSON list on standard input; prints one JSON object. Runs in the peers' interpreter."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time

SHANGQIU = "4114"


def cpca_counties(texts: list[str]) -> list[str | None]:
    """The county codes cpca gives."""
    import cpca

    codes = cpca.transform(texts)["adcode"]
    return [str(c) if isinstance(c, str) and c.startswith(SHANGQIU) and c != f"{SHANGQIU}00" else None for c in codes]


def jionlp_counties(texts: list[str]) -> list[str | None]:
    """The county codes of the county names jionlp gives."""
    import jionlp

    names = {
        "梁园区": "411402", "睢阳区": "411403", "民权县": "411421", "睢县": "411422", "宁陵县": "411423", "柘城县": "411424",
        "虞城县": "411425", "夏邑县": "411426", "永城市": "411481",
    }  # fmt: skip
    found: list[str | None] = []
    for text in texts:
        answer = jionlp.parse_location(text, town_village=True) if text else {}
        found.append(names.get(answer.get("county") or "") if answer.get("city") == "商丘市" else None)
    return found


def main() -> None:
    """Measures each on a second reading; the first loads its dictionaries."""
    texts = json.load(sys.stdin)
    result = {}
    for name, read in (("cpca", cpca_counties), ("jionlp", jionlp_counties)):
        with contextlib.redirect_stdout(io.StringIO()):
            read(texts[:5])
            begun = time.perf_counter()
            counties = read(texts)
            seconds = time.perf_counter() - begun
        result[name] = {"lines_per_second": round(len(texts) / seconds), "counties": counties}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
