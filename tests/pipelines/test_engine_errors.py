import pytest

from pipelines.engine_errors import explain

MEMORY = "a worker ran out of memory"
LOST = "a worker was lost again and again, most often for lack of memory"


@pytest.mark.parametrize(
    ("message", "cause", "fix"),
    [
        (
            "failed: java.io.IOException: The record exceeds the maximum size of a sort buffer (current maximum: 7798784 bytes).",
            "a Flink task has too little memory to sort in: failed: java.io.IOException: The record exceeds the maximum size"
            " of a sort buffer (current maximum: 7798784 bytes).",
            "taskmanager.memory.managed.size: 512m",
        ),
        (
            "java.io.IOException: Insufficient number of network buffers: required 512, but only 86 available.",
            "Flink has too little memory for its shuffles: Insufficient number of network buffers: required 512, but only 86 available.",
            "taskmanager.memory.network.min",
        ),
        ("Traceback …\nMemoryError", f"{MEMORY}: MemoryError", "--number_of_worker_harness_threads"),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB", f"{MEMORY}: Unable to allocate 9 GiB", "n2-highmem-4"),
        ("Out of memory: Killed process 1234 (python)", f"{MEMORY}: Out of memory: Killed process 1234 (python)", "n2-highmem-4"),
        ("first\nSDK harness sdk-0-0 was OOM killed\nlast", f"{MEMORY}: SDK harness sdk-0-0 was OOM killed", "--direct_num_workers"),
        ("java.lang.OutOfMemoryError: Java heap space", f"{MEMORY}: Java heap space", "--sdk_worker_parallelism"),
        (
            "Dataflow pipeline failed. State: FAILED, Error:\nRoot cause: The worker lost contact with the service.",
            f"{LOST}: Root cause: The worker lost contact with the service.",
            "--worker_machine_type",
        ),
        ("A work item was attempted 4 times without success.", f"{LOST}: A work item was attempted 4 times without success.", "memory"),
        ("Failed to pull image eu/w:1: not found", "the workers cannot get their image: Failed to pull image eu/w:1: not found", "reader"),
        ("IN_USE_ADDRESSES exceeded", "the project's quota is used up: IN_USE_ADDRESSES exceeded", "--no_use_public_ips"),
        (
            "There is already active job named x with id: 1",
            "the job is running already: There is already active job named x with id: 1",
            "list",
        ),
        ("division by zero", None, None),
    ],
)
def test_words_of_engines_become_cause_and_fix(message, cause, fix):
    said = explain(message)
    if cause is None:
        assert said is None
        return
    first, second = said.splitlines()
    assert first == cause
    assert fix in second
