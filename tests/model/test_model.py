"""The protocol holds in a model that a model checker explores, and does not without any of its mechanisms."""

from pathlib import Path

import pytest

from tests.model.checker import explore
from tests.model.variants import DEFAULTS, VARIANTS, Variant

ROOT = Path(__file__).resolve().parent.parent.parent
#: Explored here in their small form, some seconds each with the compiler. `./dev model` explores all.
FEW = ("none", "delays", "without FENCE", "without REBOUND_BEFORE_HEARTBEAT", "without NUMBERING", "without FAIL_SAFE")


@pytest.mark.parametrize("variant", [each for each in VARIANTS if each.name in FEW], ids=lambda each: each.name)
def test_the_properties_hold_with_every_mechanism_and_not_without_one(variant: Variant, tmp_path: Path) -> None:
    result = explore(variant, tmp_path, small=True)
    assert result.as_expected, result.trace
    assert result.states > 100


def test_each_mechanism_is_removed_in_a_variant_and_each_schedule_is_a_test() -> None:
    mechanisms = {name for name, value in DEFAULTS.items() if value is True}
    assert {variant.removed for variant in VARIANTS} - {None} == mechanisms
    for variant in VARIANTS:
        assert bool(variant.tests) == bool(variant.removed)
        for test in variant.tests:
            file, _, name = test.partition("::")
            assert not name or f"def {name}(" in (ROOT / file).read_text(), test
            assert (ROOT / file).exists(), test
