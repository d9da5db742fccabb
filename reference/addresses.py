"""Several addresses in one text: which of them is where the person goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reference.address_words import CAME, FROM, NOW, TO, is_marked, weight
from reference.area_index import Chain
from reference.resolution import CITY, COUNTY


def without_marker(part: str) -> str:
    """An address without the words that lead to the next one."""
    for marker in (TO, FROM):
        part = marker.sub("", part)
    return part


def lives_at(text: str, at: int) -> tuple[int, int] | None:
    """Where words like 现住 stand behind a place: their start and end."""
    now = NOW.search(text, at) if "住" in text or "目的地" in text else None
    return now.span() if now else None


def is_origin(text: str, chain: Chain) -> bool:
    """Whether a place is where somebody comes from."""
    return FROM.search(text[max(0, chain.start - 8) : chain.start]) is not None


def after_origin(text: str, chain: Chain) -> int | None:
    """Where the text goes on after a place somebody comes from; None where no words say that they come from there."""
    came = CAME.match(text, chain.end)
    if came is None and not is_origin(text, chain):
        return None
    return came.end() if came else chain.end


def counted(text: str, chains: Sequence[Chain]) -> list[Chain]:
    """The chains that are addresses of their own, rather than the name of a road, a school or a firm inside another address.

    A full name right behind a larger area that does not hold it is the same address: somebody named the wrong city.
    """
    kept = [chains[0]]
    for chain in chains[1:]:
        above = kept[-1]
        adjacent = chain.start == above.end
        if adjacent and chain.full and len(above.code) < COUNTY == len(chain.code):
            chain.behind = above
            kept[-1] = chain
            continue
        own = chain.full or (adjacent and not above.full)
        if (own and (chain.code.startswith(CITY) or chain.top < COUNTY)) or is_marked(text, chain.start):
            kept.append(chain)
    return kept


def destinations(text: str, chains: Sequence[Chain]) -> list[Chain]:
    """The chains that may be where the person goes: those for which the words speak most."""
    if len(chains) == 1:
        return list(chains)
    ends = [*(chain.start for chain in chains[1:]), len(text)]
    weights = [weight(text[max(0, c.start - 8) : c.start], text[c.end : end]) for c, end in zip(chains, ends, strict=True)]
    return [chain for chain, w in zip(chains, weights, strict=True) if w == max(weights)]
