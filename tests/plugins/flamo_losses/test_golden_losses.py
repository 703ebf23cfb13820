"""The numbers of the reference, which are of float32."""

import json

import numpy as np
import pytest
import torch
from truth import DATA

import flamo

FILE = np.load(DATA / "golden" / "losses.npz")
SIGNALS = [torch.from_numpy(FILE[name]) for name in ("y_pred", "y_true")]
MORE = json.loads((DATA / "golden" / "losses_more.json").read_text())
GOLDEN = {key: value for key, value in json.loads(str(FILE["values"])).items() if key[:5] not in ("mse_l", "spars")}


def arguments(text):
    """Constructor arguments of the ways in which the keys write them."""
    if text.startswith("form="):
        form, log_term = text.split()
        return {"form": form[5:], "log_term": log_term.endswith("True")}
    return {"energy_norm": True} if text == "energy_norm" else json.loads(text or "{}")


@pytest.mark.parametrize("key", [*GOLDEN, *MORE])
def test_a_loss_has_the_value_of_the_reference(key):
    name, _, rest = key.partition(" ")
    items = 1 if name == "AveragePower" else 2
    loss = getattr(flamo, name)(**arguments(rest))(*(signal[:items] for signal in SIGNALS))
    rel = 1e-5 if key in GOLDEN else 3e-5  # float32 sums of the reference are off from exact ones by up to 2.5e-5
    assert loss.item() == pytest.approx((GOLDEN | MORE)[key], rel=rel)


def test_sparsity_has_the_value_of_the_reference():
    matrix = torch.from_numpy(FILE["sparsity_A"])
    gain = flamo.Gain((4, 4), dtype=torch.float64)
    gain.assign_value(matrix)
    expected = json.loads(str(FILE["values"]))["sparsity of sparsity_A"]
    assert flamo.sparsity_loss(of="")(None, None, gain).item() == pytest.approx(expected, rel=1e-9)


def test_there_are_values_of_every_kind():
    assert len(GOLDEN) == 16
    assert len(MORE) == 38
