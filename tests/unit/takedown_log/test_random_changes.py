"""Change a proof at random, once each. ``TEST_PROOF_CHANGES`` sets how often; 10,000 take a minute or so."""

import os
import random
from collections import Counter

from tests.support.log.changed_proofs import ChangedProofs


def test_each_single_change_of_a_proof_is_found() -> None:
    number = int(os.environ.get("TEST_PROOF_CHANGES", "300"))
    proofs, made = ChangedProofs(random.Random(7)), Counter[str]()
    assert proofs.holds(proofs.text.encode())
    while made.total() < number:
        name, file = proofs.change()
        if file != proofs.text.encode():
            made[name] += 1
            assert not proofs.holds(file), f"{name} was changed, and nothing says so"
    assert made.keys() == {"a bit", *proofs.ways}
