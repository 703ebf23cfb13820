"""Wrong configurations are refused with every mistake in its line."""

import pytest
from mistakes import GOOD, MISTAKES

from flamo.config.loading import load_config
from flamo.errors import ConfigError, InputError
from flamo.experiment import make_experiment
from flamo.fit import make_engine


def refusal(tmp_path, text):
    """The problems of a configuration, with their lines, as the command line prints them."""
    (tmp_path / "fit.yaml").write_text(text)
    (tmp_path / "curve.csv").write_text("20,1\n200,0\n2000,1\n")
    file = load_config(tmp_path / "fit.yaml")
    with pytest.raises(InputError) as refused:
        built(file)
    return refused.value


def built(file):
    with file.located():
        return make_engine(make_experiment(file.checked()))


def test_the_configuration_without_mistakes_is_good(tmp_path):
    (tmp_path / "fit.yaml").write_text(GOOD)
    make_engine(make_experiment(load_config(tmp_path / "fit.yaml").checked()))


def test_there_are_forty_of_them():
    assert len({new for _, new, _, _ in MISTAKES}) >= 40


@pytest.mark.parametrize(
    ("old", "new", "line", "message"), MISTAKES, ids=[new.strip()[:40] for _, new, _, _ in MISTAKES]
)
def test_a_mistake_is_told_with_its_line(tmp_path, old, new, line, message):
    assert GOOD.count(old) == 1
    refused = refusal(tmp_path, GOOD.replace(old, new))
    [text] = str(refused).splitlines()
    assert message in text
    if isinstance(refused, ConfigError):
        assert f"fit.yaml, line {line}: " in text


def test_all_mistakes_are_told_at_once(tmp_path):
    text = GOOD
    for old, new, _, _ in [MISTAKES[3], MISTAKES[21], MISTAKES[32]]:
        text = text.replace(old, new)
    text = text.replace("matrix_type: orthogonal", "matrx_type: orthogonal").replace("mse: {weight", "mes: {weight")
    told = str(refusal(tmp_path, text)).splitlines()
    assert len(told) == 5
    assert [int(line.split("line ")[1].split(":")[0]) for line in told] == [3, 8, 12, 17, 22]
