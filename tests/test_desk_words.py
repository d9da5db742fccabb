"""What the desk refuses is said in Chinese, code by code."""

from __future__ import annotations

import re

from serving.desk.words import REFUSALS_ZH
from tests.house import ROOT

RAISED = re.compile(r'(?:Conflict|Refused)\(\s*(?:"(\w+)" if .*? else )?"(\w+)"')


def test_every_refusal_has_words_and_every_word_a_refusal() -> None:
    files = [*(ROOT / "serving/duties").glob("*.py"), *(ROOT / "serving/desk").glob("*.py")]
    files += (ROOT / "serving/accounts").glob("*.py")
    files += [ROOT / "serving" / f"{name}.py" for name in ("request_body", "routes_desk", "problems")]
    codes = {code for file in files for pair in RAISED.findall(file.read_text("utf-8")) for code in pair if code}
    assert codes == set(REFUSALS_ZH)
