"""``flamo fit``: a configuration or targets in, folders of results out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flamo.cli.options import Quiet, Set, Verbose
from flamo.cli.progress import Style
from flamo.cli.runs import Job, resume_run, run, run_all, tell_failed
from flamo.errors import InputError

CONFIG_SUFFIXES = (".yaml", ".yml", ".json")


def _of(panel: str, help: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False, **more)


EQ, LIMITS, MEASURED = "Equalisers", "Limits of equalisers", "Measurements to equalise"
RANGE = "LOW:HIGH"

Recipe = Annotated[str | None, _of(EQ, "peq (parametric), geq (graphic), or another one; peq.")]
Bands = Annotated[int | None, _of(EQ, "Filters; 10.", min=1, max=64)]
Types = Annotated[str | None, _of(EQ, "auto: low shelf, peaks, high shelf; or lowshelf,peaking,… for every band.")]
Fs = Annotated[int | None, _of(EQ, "Sampling frequency in Hz; 48000.", min=1000, max=10_000_000)]
KeepGain = Annotated[bool, _of(EQ, "The level counts, too: no broadband gain is free.", "--keep-gain")]
Starts = Annotated[int | None, _of(EQ, "Attempts, of which the best is kept; 16.", min=1, max=4096)]
Steps = Annotated[int | None, _of(EQ, "Steps at most; 60.", min=1, max=1_000_000)]
Within = Annotated[str | None, _of(LIMITS, "What counts, in Hz; 20:20000.", "--range", metavar=RANGE)]
Ignore = Annotated[list[str] | None, _of(LIMITS, "What does not count, in Hz.", metavar=RANGE)]
Weights = Annotated[str | None, _of(LIMITS, "Weights over frequency.", metavar="HZ:WEIGHT,...")]
GainMax = Annotated[float | None, _of(LIMITS, "Largest gain and cut of a band in dB; 20.")]
Q = Annotated[str | None, _of(LIMITS, "Range of Q; 0.1:10.", "--q", metavar=RANGE)]
Frequency = Annotated[str | None, _of(LIMITS, "Range of the bands' frequencies in Hz; the target's.", metavar=RANGE)]
Device = Annotated[Path | None, _of(LIMITS, "Gear with bands and steps of its own.", metavar="FILE.yaml")]
Measurement = Annotated[str | None, _of(MEASURED, "What is to become the curve of --target.", metavar="FILE")]
Curve = Annotated[Path | None, _of(MEASURED, "What measurements are to become.", "--target", metavar="FILE")]
Channel = Annotated[int | None, _of(MEASURED, "Which of several curves in a file, from 0.", min=0)]
Smoothing = Annotated[float | None, _of(MEASURED, "Parts of an octave, 12 for 1/12; 2 octaves in the treble.")]
MaxBoost = Annotated[float | None, _of(MEASURED, "Largest boost that the curve to be fitted asks for, in dB.")]
MaxSlope = Annotated[float | None, _of(MEASURED, "Steepest boost that it asks for, in dB an octave.")]


def fit(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CONFIG | TARGET...]",
            help="A configuration (.yaml, .yml, .json), or what equalisers are to become: files of frequency in Hz and "
            "dB, or the example 'headphone'.",
            show_default=False,
        ),
    ] = None,
    sets: Set = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for the results; runs/NAME by default.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", metavar="DIR", help="Go on with the run in DIR.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over an earlier run.")] = False,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Of every random number.", show_default=False)
    ] = None,
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the configuration; do nothing.")] = False,
    style: Annotated[Style, typer.Option("--progress", help="Progress as a bar or lines, or as JSON.")] = Style.auto,
    quiet: Quiet = False,
    verbose: Verbose = False,
    recipe: Recipe = None,
    bands: Bands = None,
    types: Types = None,
    fs: Fs = None,
    keep_gain: KeepGain = False,
    starts: Starts = None,
    steps: Steps = None,
    within: Within = None,
    ignore: Ignore = None,
    weights: Weights = None,
    gain_max: GainMax = None,
    q: Q = None,
    frequency: Frequency = None,
    device: Device = None,
    measurement: Measurement = None,
    target: Curve = None,
    channel: Channel = None,
    smoothing: Smoothing = None,
    max_boost: MaxBoost = None,
    max_slope: MaxSlope = None,
) -> None:
    """Train a system as a configuration says, or fit equalisers to curves; write a folder of results for each.

    Ctrl-C ends the run after its step and writes everything; a second one leaves at once.
    """
    listed = [*(targets or ()), *([measurement] if measurement else [])]
    options: dict[str, Any] = {
        "recipe": recipe,
        "bands": bands,
        "types": types,
        "fs": fs,
        "starts": starts,
        "steps": steps,
    }
    options |= {"free_gain": False if keep_gain else None, "range": within, "ignore": ignore or None}
    options |= {"weights": weights, "gain_max": gain_max, "q": q, "frequency": frequency, "device": device}
    options |= {
        "target": target,
        "channel": channel,
        "smoothing": smoothing,
        "max_boost": max_boost,
        "max_slope": max_slope,
    }
    told = {name: value for name, value in options.items() if value is not None}
    if resume is not None:
        if listed or sets or output or overwrite or seed is not None or told or print_config:
            raise InputError("--resume DIR goes alone: the folder knows its configuration")
        resume_run(resume, style, quiet)
        return
    jobs, failed = _jobs(listed, told, sets or [], seed, output, measurement is not None)
    if print_config:
        from flamo.run_folder import as_yaml

        typer.echo("---\n".join(as_yaml(job.file.checked().resolved()) for job in jobs), nl=False)
        tell_failed(failed, len(jobs))
    elif len(listed) == 1:
        jobs[0].folder.check_new(overwrite)
        run(jobs[0].file, jobs[0].folder, False, style, quiet)
    else:
        run_all(jobs, failed, overwrite, style, quiet)


def _jobs(
    listed: list[str], told: dict[str, Any], sets: list[str], seed: int | None, output: Path | None, measured: bool
) -> tuple[list[Job], dict[str, str]]:
    """What is to be done, and what cannot be: names of several targets with the reason.

    Raises:
        InputError: nothing can be done.
    """
    if not listed:
        raise InputError("what is to be fitted? Give a configuration or a target; 'flamo fit --help' shows how")
    if measured and "target" not in told:
        raise InputError("--measurement goes with --target, the curve that it is to become")
    from flamo.run_folder import RunFolder

    configs = [name for name in listed if Path(name).suffix.lower() in CONFIG_SUFFIXES]
    if configs:
        if len(listed) > 1:
            raise InputError(f"{configs[0]}: a configuration goes alone; several at once are for target curves")
        if told:
            option = next(iter(told)).replace("_", "-")
            raise InputError(f"--{option} is for targets of an equaliser; use --set with a configuration")
        from flamo.config.loading import load_config

        file = load_config(Path(listed[0]), sets, seed)
        return [Job(listed[0], file, RunFolder(output or Path("runs") / Path(listed[0]).stem))], {}
    from flamo.cli.recipes import plan

    made, jobs, failed = plan(told, seed, sets), dict[str, Job](), dict[str, str]()
    for target in dict.fromkeys(listed):
        try:
            file, name = made.config_file(target)
            if name in jobs:
                raise InputError(f"{target}: {jobs[name].name} has the same name, and would have the same folder")
        except InputError as error:
            if len(listed) == 1:
                raise
            failed[target] = str(error)
            continue
        alone = output if output and len(listed) == 1 else (output or Path("runs")) / name
        jobs[name] = Job(target, file, RunFolder(alone))
    return list(jobs.values()), failed
