"""Runs in processes of their own, which may be killed at any moment."""

import multiprocessing
from pathlib import Path

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["flamo.fit", "flamo.config.loading", "flamo_trainers.engine", "torch._dynamo"])


def start(config, folder, resume=False):
    """Begin a run, or go on with one, in a new process."""
    process = context.Process(target=_run, args=(str(config), str(folder), resume))
    process.start()
    return process


def _run(config, folder, resume):
    from flamo.cli.progress import Silent
    from flamo.config.loading import load_config
    from flamo.fit import fit
    from flamo.run_folder import RunFolder

    with RunFolder(Path(folder)).locked():
        fit(load_config(Path(config)).checked(), RunFolder(Path(folder)), Silent(), resume=resume)
