import pytest

from albert_core.chips import CHIPS, accelerator_type, parse_slice
from albert_core.errors import AlbertError


@pytest.mark.parametrize(
    ("text", "chips", "devices", "topology", "accelerator"),
    [
        ("v3-256", 128, 256, "v3:8x16", "v3-256"),
        ("v3-8", 4, 8, "v3:2x2", "v3-8"),
        ("v2", 1, 2, "v2:1x1", "v2-2"),
        ("v4-8", 4, 4, "v4:2x2x1", "v4-8"),
        ("v4-512", 256, 256, "v4:4x8x8", "v4-512"),
        ("v5e", 1, 1, "v5e:1x1", "v5litepod-1"),
        ("v5litepod-256", 256, 256, "v5e:16x16", "v5litepod-256"),
        ("v5p-8", 4, 4, "v5p:2x2x1", "v5p-8"),
        ("v6e-4", 4, 4, "v6e:2x2", "v6e-4"),
    ],
)
def test_slices_as_the_cloud_and_the_compiler_name_them(text, chips, devices, topology, accelerator):
    parsed = parse_slice(text)
    assert (parsed.num_chips, parsed.num_devices, parsed.topology, accelerator_type(parsed)) == (chips, devices, topology, accelerator)


def test_gpus_have_names_with_and_without_a_number():
    assert (parse_slice("titan-x").num_chips, parse_slice("a100-8").num_chips, parse_slice("t4-3").num_chips) == (1, 8, 3)
    assert parse_slice("a100-8").dollars_per_hour == 8 * CHIPS["a100"].dollars_per_hour


@pytest.mark.parametrize(
    ("text", "message"), [("v9-8", 'no chip is called "v9"'), ("v3-7", "v3-7: there is no such slice"), ("v5e-3", "no such")]
)
def test_slices_that_are_not_sold(text, message):
    with pytest.raises(AlbertError, match=message):
        parse_slice(text)
