"""Settings: what is refused at start, and bounds that follow from other bounds."""

from __future__ import annotations

import pytest

from arrivals.runtime.settings import Settings, load_settings
from schemas.errors import Misconfigured
from schemas.topics import BY_NAME


def test_the_largest_refused_body_fits_a_dead_letter() -> None:
    bound = next(m.le for m in Settings.model_fields["gateway_max_body_bytes"].metadata if hasattr(m, "le"))
    sealed = (bound + 12 + 16 + 2) // 3 * 4
    assert sealed + 10_000 < BY_NAME["dead-letters"].max_bytes
    with pytest.raises(Misconfigured, match="GATEWAY_MAX_BODY_BYTES"):
        load_settings(gateway_max_body_bytes=bound + 1)


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARRIVALS_GATEWAY_PROT", "1")
    with pytest.raises(Misconfigured, match="ARRIVALS_GATEWAY_PROT"):
        load_settings()
