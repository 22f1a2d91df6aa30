"""What the domain takes from the world: the time, and chance. Tests hand in their own."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Ambient:
    """``now`` is milliseconds since 1970 (UTC); ``entropy(n)`` is ``n`` bytes that nobody can guess."""

    now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    entropy: Callable[[int], bytes] = os.urandom

    def new_id(self, prefix: str) -> str:
        """An id that sorts by the time it was made (as a ULID: 48 bits of time, 80 of chance, Crockford's base 32)."""
        value = int.from_bytes(self.now().to_bytes(6) + self.entropy(10))
        return f"{prefix}_{''.join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))}"

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return int.from_bytes(self.entropy(4)) / 2**32
