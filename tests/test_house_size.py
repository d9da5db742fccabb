"""Small enough to be read at once: modules, functions and parameter lists; what is larger is listed with its reason."""

from __future__ import annotations

from statistics import median

import pytest

from tests.house import BROAD_HANDLERS, LONG_FUNCTIONS, LONG_MODULES, MANY_PARAMETERS, functions, modules, parameters
from tests.house_handlers import broad_handlers

MODULE_LINES, FUNCTION_LINES, PARAMETERS = 300, 40, 6
MODULES = list(modules())
FUNCTIONS = [(name, function) for module, path in MODULES for name, function in functions(path, module)]


def test_modules_are_short() -> None:
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES}
    assert {name for name, count in lines.items() if count > MODULE_LINES} == set(LONG_MODULES)
    assert median(lines.values()) < MODULE_LINES / 2


def test_functions_are_short() -> None:
    lines = {name: (function.end_lineno or 0) - function.lineno + 1 for name, function in FUNCTIONS}
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES and name not in LONG_FUNCTIONS} == {}
    assert [name for name in LONG_FUNCTIONS if lines.get(name, 0) <= FUNCTION_LINES] == [], "these need no exception"


def test_functions_have_few_parameters() -> None:
    counts = {name: parameters(function) for name, function in FUNCTIONS}
    assert {name: count for name, count in counts.items() if count > PARAMETERS and name not in MANY_PARAMETERS} == {}
    assert [name for name in MANY_PARAMETERS if counts.get(name, 0) <= PARAMETERS] == [], "these need no exception"


def test_everything_is_caught_in_two_places_at_most() -> None:
    found = {name for name, function in FUNCTIONS if broad_handlers(function)}
    assert found == set(BROAD_HANDLERS)
    assert len(BROAD_HANDLERS) <= 2


@pytest.mark.parametrize(
    "clause", ["except:", "except Exception:", "except (ValueError, Exception) as e:", "except BaseException:"]
)
def test_a_broad_handler_is_caught(clause: str) -> None:
    assert broad_handlers(f"try:\n    pass\n{clause}\n    pass")


def test_a_narrow_handler_passes() -> None:
    assert not broad_handlers("try:\n    pass\nexcept (ValueError, OSError):\n    pass")
