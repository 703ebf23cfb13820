"""What a user does next to a plugin of each kind, and when they are gone: ``python every_kind.py with|without FOLDER``.

Prints JSON: for every kind, what came of each thing that was done, as text, a number or (exit code, output, errors).
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import torch

import flamo
from flamo import registry
from flamo.cli import main
from flamo.config.loading import load_config
from flamo.curves import Curve
from flamo.errors import InputError
from flamo.run_folder import MODEL, RunFolder
from flamo.testing import EqualizerExample

NAMES = {
    "processor": "one_pole",
    "loss": "level_error",
    "trainer": "sign_descent",
    "reader": "lines",
    "exporter": "table",
    "recipe": "tone",
    "command": "levels",
}
RUNS = [kind for kind in NAMES if kind != "command"]
RUN = """
flamo: 1
nfft: 1024
system: SYSTEM
target: TARGET
losses: [LOSS]
optimizer: OPTIMIZER
exports: [EXPORT]
stop: {steps: 5}
"""
PLAIN = {
    "SYSTEM": "{biquad: {n_sections: 1, learn: true}}",
    "TARGET": "flat",
    "LOSS": "mse",
    "OPTIMIZER": "{adam: {lr: 0.01}}",
    "EXPORT": "csv",
}
OWN = {
    "processor": {"SYSTEM": "{acme_processor/one_pole: {size: [1], learn: true}}"},
    "loss": {"LOSS": "{acme_loss/level_error: {floor_db: -80}}"},
    "trainer": {"OPTIMIZER": "{acme_trainer/sign_descent: {lr: 0.02}}"},
    "reader": {"TARGET": "{curve: curve.txt}"},
    "exporter": {"EXPORT": "{acme_exporter/table: {points: 7}}"},
}
LINES = "100: 3\n1000: 0\n9000: -4  # treble\n"
TABLE = LINES.replace(":", ",").replace("  # treble", "")


def cli(*arguments):
    """Exit code, output and errors of ``flamo …``."""
    sys.argv = ["flamo", *map(str, arguments)]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            main()
        except SystemExit as ended:
            return ended.code, out.getvalue(), errors.getvalue()


def in_python(folder):
    """Each component, taken from the registry and fitted with where that is its business: a number before and after."""
    made = {kind: flamo.get(kind, f"acme_{kind}/{name}") for kind, name in NAMES.items()}
    x, target = torch.ones(1, 33, 1, dtype=torch.complex64), torch.full((1, 33, 1), 0.5)
    lowpass = made["processor"].from_physical(pole=[-0.5], nfft=64, requires_grad=True)
    loss = made["loss"](floor_db=-80.0)
    trainer = made["trainer"](lowpass, lambda: {"error": loss(lowpass(x), target)}, lr=0.2)
    losses = [trainer.step().loss for _ in range(20)]
    flamo.save(lowpass, folder / "lowpass.safetensors")
    again = flamo.load(folder / "lowpass.safetensors")
    read = made["reader"](offset_db=1.0).read(LINES.encode(), "mine")
    curve = Curve("mine", (50.0, 500.0, 5000.0), (3.0, 0.0, -6.0))
    return {
        "processor": [float((again(x) - lowpass(x)).detach().abs().max()), type(again).__name__],
        "loss": losses,
        "trainer": trainer.best_loss,
        "reader": read.gain_db,
        "exporter": made["exporter"](points=3).export(EqualizerExample("eq"))["eq.tsv"].decode().splitlines()[0],
        "recipe": made["recipe"](gain_max=6.0).config({}, curve, 48000, 0)["system"]["parametric_eq"]["gain_max"],
        "command": made["command"].__name__,
    }


def stopped_run(config, folder):
    """A run that ends after its first step."""
    from flamo.cli.progress import Silent
    from flamo.fit import fit

    file = load_config(config)
    run = RunFolder(folder)
    with file.located(), run.locked():
        return fit(file.checked(), run, Silent(), stopped=lambda: True)


def use(folder):
    """Everything that can be done with the plugins, by kind."""
    told = {kind: {"origin": module_of(kind), "python": value} for kind, value in in_python(folder).items()}
    (folder / "curve.txt").write_text(LINES)
    (folder / "curve.csv").write_text(TABLE)
    for kind, own in OWN.items():
        text = RUN
        for word, value in {**PLAIN, **own}.items():
            text = text.replace(word, value)
        config = folder / f"{kind}.yaml"
        config.write_text(text)
        told[kind] |= {"check": cli("check", config), "fit": cli("fit", config, "-o", folder / kind, "-q")}
        told[kind]["stopped"] = stopped_run(config, folder / f"{kind}_stopped")
    recipe = ("--recipe", "acme_recipe/tone")
    told["recipe"]["check"] = cli("fit", folder / "curve.csv", *recipe, "--print-config")
    told["recipe"]["fit"] = cli("fit", folder / "curve.csv", *recipe, "-o", folder / "recipe", "--gain-max", "5", "-q")
    for kind in RUNS:
        told[kind] |= {"reloaded": type(flamo.load(folder / kind / MODEL)).__name__}
        told[kind] |= {"record": RunFolder(folder / kind).record}
    for kind in NAMES:
        told[kind] |= {"shown": cli("show", f"acme_{kind}/{NAMES[kind]}")}
        told[kind] |= {"checked": cli("check-plugin", f"acme-{kind}")}
    told["command"]["called"] = [cli(name, folder / "curve.csv") for name in ("levels", "acme_command/levels")]
    told["reader"]["target"] = cli("fit", folder / "curve.txt", "-o", folder / "by_name", "--bands", 2, "-q")
    told["reader"]["converted"] = cli("convert", folder / "curve.txt", folder / "phone.txt", "--to", "graphic_eq")
    told["exporter"]["exported"] = cli(
        "export", folder / "loss", "--to", "acme_exporter/table", "-o", folder / "tables"
    )
    return told


def module_of(kind):
    """Where the code of a component lies."""
    return sys.modules[registry.load(registry.find(kind, NAMES[kind])).__module__].__file__


def miss(folder):
    """What is said of what was made with plugins that are gone, by kind."""
    told = {kind: {} for kind in NAMES}
    for kind in OWN:
        told[kind]["resume"] = cli("fit", "--resume", folder / f"{kind}_stopped")
        told[kind]["config"] = cli("fit", folder / f"{kind}.yaml", "-o", folder / "again")
    for kind in NAMES:
        told[kind]["name"] = cli("show", f"acme_{kind}/{NAMES[kind]}")
    for kind in RUNS:
        told[kind]["load"] = loaded(folder / kind / MODEL)
    told["processor"]["saved"] = loaded(folder / "lowpass.safetensors")
    told["processor"]["system"] = cli("export", folder / "lowpass.safetensors", "--to", "wav")
    told["exporter"]["config"] = cli("export", folder / "loss", "--to", "acme_exporter/table")
    told["command"]["config"] = cli("acme_command/levels", folder / "curve.csv")
    told["recipe"]["config"] = cli("fit", folder / "curve.csv", "--recipe", "acme_recipe/tone")
    return told


def loaded(file):
    try:
        return type(flamo.load(file)).__name__
    except InputError as error:
        return str(error)


if __name__ == "__main__":
    print(json.dumps({"with": use, "without": miss}[sys.argv[1]](Path(sys.argv[2]))))
