"""Bytes from anywhere: every decoder ends with a message, or says that they are none. `make fuzz` looks further."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

CASES = [(name, seed) for name, target in TARGETS.items() for seed in target.seeds]


@st.composite
def spoiled(draw: st.DrawFn, name: str) -> bytes:
    """A seed of the target with some bytes changed, put in or taken out."""
    content = bytearray(draw(st.sampled_from(TARGETS[name].seeds)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=8))
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.data())
def test_no_bytes_make_a_decoder_fail_in_a_way_of_its_own(name: str, data: st.DataObject):
    """A crash is a queue that does not drain, or an app that does not start."""
    content = data.draw(st.binary(max_size=400) | spoiled(name))

    assert TARGETS[name].run(content) is None


@pytest.mark.parametrize(("name", "seed"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_every_seed_is_read(name: str, seed: bytes):
    """What fuzzing begins with."""
    assert TARGETS[name].run(seed) is None
