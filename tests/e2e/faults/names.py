"""Names for generated programs: believable, random, never the same twice in one program, and telling nothing.

    names = Names(random.Random(7))
    names.type(), names.field(), names.function(), names.namespace()

Some names look guilty on purpose (Listener, Leak, Cache): an analysis that reads names is led astray.
"""

import random

_FIRST = """Amber Basin Cargo Delta Ember Fjord Grain Harbor Index Jolt Kernel Ledger Meter Nimbus Orbit Parcel Quota Relay
Signal Tariff Umbra Vector Walnut Xeno Yield Zephyr Account Booking Courier Device Event Frame Gate Hotel Invoice Job Lease
Market News Order Price Route Sensor Ticket Upload Visit Wallet Leaky Global Stale Static Shared Lazy Hot Cold""".split()
_LAST = """Record Node Entry Item Part Slot Row Unit Note Mark Point Piece Info State View Group Batch Page Link Step Token Trace
Listener Handler Watch Leak Cache Buffer Chunk Leaf Sample Draft Receipt Snapshot Envelope Frame Shape""".split()
_OWNERS = """Registry Store Hub Center Desk Board Manager Service Directory Vault Bus Pool Catalog Broker Depot Ring Table
Keeper Archive Cache Monitor Gateway Planner Index""".split()
_FIELDS = """alpha base code data extra front group head inner join kind left main note open part quick right side tail upper
value weight axis body core depth edge field grade hook item level mode name order path rank state title unit view zone""".split()
_SPACES = """acme app billing core dispatch engine fleet geo harvest intake jobs kiosk lab market net ops plant quay rail shop
trade util vend web yard""".split()


class Names:
    def __init__(self, rng: random.Random):
        self._rng = rng
        self._used: set[str] = set()

    def _fresh(self, make) -> str:
        while True:
            name = make()
            if name not in self._used:
                self._used.add(name)
                return name

    def type(self) -> str:
        return self._fresh(lambda: self._rng.choice(_FIRST) + self._rng.choice(_LAST) + self._rng.choice(["", "", "", "2", "V3", "X"]))

    def owner(self) -> str:
        return self._fresh(lambda: self._rng.choice(_FIRST) + self._rng.choice(_OWNERS))

    def part(self) -> str:
        """A class of the program that is no heap object."""
        return self._fresh(lambda: self._rng.choice(_FIRST) + self._rng.choice(_FIRST) + "Part")

    def field(self) -> str:
        return self._fresh(lambda: self._rng.choice(_FIELDS) + self._rng.choice(["", "", "s", "Of", "In", "At"]) +
                           self._rng.choice(["", "", self._rng.choice(_FIRST)]))

    def function(self) -> str:
        return self._fresh(lambda: self._rng.choice(["take", "put", "open", "note", "build", "push", "read", "apply", "route"]) +
                           self._rng.choice(_FIRST) + self._rng.choice(["", self._rng.choice(_LAST)]))

    def namespace(self) -> str:
        return self._fresh(lambda: "::".join(self._rng.sample(_SPACES, self._rng.choice([1, 1, 2]))))
