"""Several devices and machines: the numbers of one device, and files that are written once."""

import contextlib
import json
import signal
import socket
from types import SimpleNamespace

import bench_communication
import distributed_run
import fresh
import numpy as np
import pytest

from gan_utils import records
from gan_utils.distribution import is_chief

SECONDS = 240  # a limit for a busy machine; each process takes a few seconds
TOLERANCE = 1e-5


def start(mode, *arguments, log, **environment):
    return fresh.start(
        distributed_run.main, mode, *arguments, log=log, CUDA_VISIBLE_DEVICES="-1", **environment
    )


def answer(log):
    return json.loads(log.read_text(encoding="utf-8").splitlines()[-1])


def task(index, hosts):
    return json.dumps({"cluster": {"worker": hosts}, "task": {"type": "worker", "index": index}})


def run_workers(folder, logs, moment="never"):
    """Run two workers on this machine, the second killed at a moment; return their exit codes."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for free in sockets:
            free.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{free.getsockname()[1]}" for free in sockets]
    moments = ("never", moment)
    workers = [
        start("worker", folder, moments[i], log=logs[i], TF_CONFIG=task(i, hosts)) for i in range(2)
    ]
    try:
        for worker in workers:
            worker.join(SECONDS)
        return [worker.exitcode for worker in workers]
    finally:
        for worker in workers:
            worker.kill()


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    log = folder / "log.txt"
    process = start("compare", folder, log=log)
    process.join(SECONDS)
    process.kill()
    assert process.exitcode == 0, log.read_text(encoding="utf-8")
    with np.load(folder / "one.npz") as archive:
        return answer(log), [archive[name] for name in archive.files]


def test_two_devices_end_where_one_does_with_the_same_batch(compared):
    found, _ = compared
    assert found["moved"] > 0.1
    assert found["to_one_device"] < TOLERANCE
    assert found["copies"] == 0
    assert found["logs"] < TOLERANCE


def test_a_dataset_that_ends_begins_again(compared):
    assert compared[0]["steps_of_a_dataset"] == 2 * 3


def test_devices_keep_equal_weights_and_have_masks_and_draws_of_their_own(compared):
    found = compared[0]["dropout"]
    assert found["copies"] == 0
    (seed, counter), (other_seed, other_counter) = found["masks"]
    assert other_seed == seed + 1  # also after fit was called again
    assert counter == other_counter > 0
    assert found["seeds"][0] != found["seeds"][1]
    assert found["generated"] == [5, 4, 4, 1]


def test_what_devices_cannot_share_is_refused(compared):
    found, _ = compared
    assert "inside one and the same strategy.scope()" in found["outside"]
    assert "a batch of 5 images cannot be shared by 2 devices" in found["odd"]
    assert "drop_remainder=True" in found["ragged"]
    assert "tf.data.Dataset" in found["arrays"]


def test_two_workers_one_killed_and_both_started_again_end_where_one_device_does(
    compared, tmp_path
):
    _, one = compared
    logs = [tmp_path / f"log-{index}.txt" for index in range(2)]
    codes = run_workers(tmp_path, logs, "step 3.2")
    assert codes[1] == -signal.SIGKILL, logs[1].read_text(encoding="utf-8")
    assert codes[0] not in (0, None)  # the other one ends too, and says so
    assert run_workers(tmp_path, logs) == [0, 0], logs[0].read_text(encoding="utf-8")
    chief, other = (answer(log) for log in logs)
    assert chief == other  # bit by bit: the digest covers all weights and optimizers
    assert chief["first_epoch"] == 2
    assert (chief["frames"], chief["rows"]) == (5, 12)
    for index in range(2):
        with np.load(tmp_path / f"worker-{index}.npz") as archive:
            ended = [archive[name] for name in archive.files]
        for ours, theirs in zip(ended, one, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=TOLERANCE)
    assert len((tmp_path / "steps.csv").read_text(encoding="utf-8").splitlines()) == 13
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "checkpoint-00003.npz",
        "checkpoint-00004.npz",
    ]


@pytest.mark.parametrize(
    ("cluster", "process", "chief"),
    [
        ({"worker": ["a:1", "b:1"]}, ("worker", 0), True),
        ({"worker": ["a:1", "b:1"]}, ("worker", 1), False),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("chief", 0), True),
        ({"chief": ["a:1"], "worker": ["b:1"]}, ("worker", 0), False),
        ({"worker": ["a:1"]}, ("evaluator", 0), False),
    ],
)
def test_one_process_is_the_chief_and_writes_the_record(
    monkeypatch, tmp_path, cluster, process, chief
):
    config = {"cluster": cluster, "task": {"type": process[0], "index": process[1]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    monkeypatch.setenv("GAN_RECORD", str(tmp_path))
    assert is_chief() == chief
    records.record("several", {"score": 1.0})
    assert (tmp_path / "several.json").exists() == chief


def test_a_process_alone_is_the_chief_and_a_broken_configuration_is_named(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert is_chief()
    workers = '"cluster": {"worker": ["a:1"]}'
    ends = "", ', "task": 3', ', "task": {}'
    for text in ("{", "[]", *(f"{{{workers}{end}}}" for end in ends)):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(ValueError, match="TF_CONFIG"):
            is_chief()
    monkeypatch.setenv("TF_CONFIG", '{"cluster": null}')
    assert is_chief()


def test_the_cost_on_paper():
    gan = SimpleNamespace(
        discriminator=SimpleNamespace(trainable_variables=[np.zeros((5, 2)), np.zeros(3)]),
        generator_variables=lambda: [np.zeros(7)],
        batches_per_step=2,
    )
    assert bench_communication.sent_bytes(gan) == 4 * (2 * 13 + 7)
    assert bench_communication.ring_seconds(1e9, 2, 1e9) == 1
    assert bench_communication.ring_seconds(1e9, 4, 1e9) == 1.5
    # At the batch that pays, what four devices save is what they send.
    batch = bench_communication.paying_batch(1e6, 1e9, 1e-3)
    saved = batch * 1e-3 * 3 / 4
    assert saved == pytest.approx(bench_communication.ring_seconds(1e6, 4, 1e9))
