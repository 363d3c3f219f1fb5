import pytest

from pipelines.errors import BuildError
from pipelines.planning.cloud import Machine, Requests, describe, memory_needed, use_of
from pipelines.planning.estimates import Estimate
from pipelines.planning.prices import GB, Prices, parse_prices

FLAT = Prices(vcpu_hour=1, memory_gb_hour=0.1, disk_gb_hour=0.01, shuffle_gb=2, write_1000=1, read_1000=0.5, storage_gb_month=3)


@pytest.mark.parametrize(
    ("name", "cores", "memory_gb"),
    [
        ("n1-standard-4", 4, 15),
        ("e2-standard-2", 2, 8),
        ("n2-highmem-8", 8, 64),
        ("n1-highmem-2", 2, 13),
        ("custom-6-20480", 6, 20),
        ("n2-custom-4-8192-ext", 4, 8),
    ],
)
def test_a_type_says_what_a_machine_has(name, cores, memory_gb):
    assert Machine.of_type(name, 50) == Machine(name=name, cores=cores, memory_gb=memory_gb, disk_gb=50)


def test_a_type_that_does_not_say_it_is_refused():
    with pytest.raises(BuildError, match=r"--worker_machine_type huge: .*\ntypes such as n2-standard-4"):
        Machine.of_type("huge", 50)


def test_what_is_billed_is_hours_times_machines_and_the_shuffle_twice():
    machine = Machine.of_type("n1-standard-4", 50)
    use = use_of(machine, 10, 1800, 5 * GB, Requests(written=2000, read=4000))
    assert (use.hours, use.vcpu_hours, use.memory_gb_hours, use.disk_gb_hours, use.shuffle_gb) == (0.5, 20, 75, 250, 10)
    assert use.dollars(FLAT) == {"vcpu": 20, "memory": 7.5, "disk": 2.5, "shuffle": 20, "requests": 6 + 2, "total": 58}


def test_each_core_of_a_worker_has_a_process_of_its_own():
    needed, available = memory_needed(Machine.of_type("n1-standard-4", 50), 50 << 20)
    assert needed == 4 * (500 << 20)
    assert available == (15 - 2) * GB
    small = Machine.of_type("n2-highcpu-8", 50)  # memory for four pieces of work at a time
    assert memory_needed(small, 50 << 20) == (8 * (450 << 20) + 4 * (50 << 20), (8 - 2) * GB)


def test_a_bill_says_its_unit_prices():
    machine = Machine.of_type("e2-standard-2", 30)
    bill = describe(machine, FLAT, [use_of(machine, 1, 3600, 0, Requests(written=0, read=0))], Estimate(2.0 * GB), 1e6)
    assert bill["prices"]["region"] == "us-central1"
    assert bill["prices"]["dollars"]["vcpu_hour"] == 1
    assert bill["uses"][0]["dollars"] == {"vcpu": 2, "memory": 0.8, "disk": 0.3, "shuffle": 0, "requests": 0, "total": 3.1}
    assert bill["storage_dollars_a_month"] == {"value": 6, "low": 6, "high": 6}


def test_prices_of_today_take_the_place_of_those_of_the_table():
    assert parse_prices(["vcpu_hour=0.07", "shuffle_gb=0"]) == Prices(vcpu_hour=0.07, shuffle_gb=0)
    with pytest.raises(BuildError, match=r"--price cpu=1: there is no price of that name\nknown: vcpu_hour, memory_gb_hour"):
        parse_prices(["cpu=1"])
    with pytest.raises(BuildError, match=r"--price vcpu_hour=dear: 'dear' is no number\n"):
        parse_prices(["vcpu_hour=dear"])
    with pytest.raises(BuildError, match="--price shuffle_gb=-1 is no price"):
        parse_prices(["shuffle_gb=-1"])
