"""Curves in tables: which column, which separator, and what is refused."""

import pytest

from flamo.errors import InputError
from flamo_readers.curve import CurveReader

POINTS = [(20.0, -3.5), (100.0, 0.25), (1000.0, 4.0)]


def read(text, **options):
    return CurveReader(**options).read(text.encode(), "k")


def table(header, *, row="{f},{g}", decimal="."):
    lines = [row.format(f=f, g=g).replace(".", decimal) for f, g in POINTS]
    return "\n".join([*header, *lines])


@pytest.mark.parametrize(
    "text",
    [
        table([]),
        table(["Frequency,SPL"]),
        table(["x,y"], row="{f},{g}"),
        table(['"Frequency","dB"'], row='"{f}","{g}"'),
        table([], row="{f}\t{g}  ", decimal=","),
        table([], row="  {f}   {g}", decimal=","),
        table([], row="{f} {g} 12.5", decimal=","),
        table([], row="{f}, {g}, ?"),
        table([], row="{f} | {g}", decimal=","),
        table(["Frequenz;Pegel"], row="{f};{g}", decimal=","),
        table(['"Sens Factor =-.7dB, SERNO: 7001234"'], row="{f}\t{g}"),
        table(['"Sens Factor =-.7dB, SERNO: 7001234"']),
        table(["Sennheiser HD 600", "* made by hand"], row="{f} {g}"),
        table(["Freq(Hz) SPL(dB) Phase(degrees)"], row="{f} {g} 3"),
        table(["Frequency (Hz) SPL (dB)"], row="{f} {g}"),
        table(["* Freq(Hz), Phase(degrees), SPL(dB)"], row="{f}, 9, {g}"),
        table(["mag,phase,freq"], row="{g},9,{f}"),
        table(["smoothed,frequency,raw,target"], row="9,{f},{g},9"),
        table(["frequency,level,note"], row="{f},{g},two words here"),
        table(["frequency,raw"]).replace("\n", "\n# between\n; rows\n"),
    ],
)
def test_every_table_is_the_same_curve(text):
    curve = read(text)
    assert list(zip(curve.frequency, curve.gain_db, strict=True)) == POINTS
    assert CurveReader().recognizes(text.encode())


@pytest.mark.parametrize(
    ("header", "values"),
    [
        (("frequency", "raw", "equalization", "target"), {"measurement": 1, "equalization": 2, "target": 3}),
        (("frequency", "target", "published"), {"equalization": 1, "target": 1}),
        (("frequency", "raw", "smoothed"), {"measurement": 1, "target": 1}),
        (("frequency", "smoothed", "gain"), {"measurement": 2, "equalization": 2, "target": 2}),
        (("frequency", "raw", "target"), {"measurement": 1, "target": 2}),
        (("frequency", "anything", "phase(deg)"), {"measurement": 1, "equalization": 1, "target": 1}),
        (("frequency", "anything"), {"measurement": 1, "equalization": 1, "target": 1}),
    ],
)
def test_the_role_chooses_the_column(header, values):
    text = ",".join(header) + "\n" + "".join(f"{f},1,2,3\n" for f, _ in POINTS)
    for role in ("measurement", "equalization", "target"):
        if role in values:
            assert read(text, role=role).gain_db == (values[role],) * 3
        else:
            with pytest.raises(InputError, match=f"which column is the {role}"):
                read(text, role=role)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello world\n", "0 points"),
        (table(["Freq(Hz) Impedance(Ohms)"], row="{f} {g}"), "column 'impedance(ohms)' is an impedance"),
        (table(["* Freq(Hz) Impedance(Ohms) Phase(degrees)"], row="{f} {g} 1"), "column 'impedance(ohms)' is an"),
        (table(["Left,Right"], row="{f},{g},1,2"), "which column is the level? Found 4 columns without names"),
        (table(["frequency,spl"]) + "\n2000\n", "line 5: column 2 is missing"),
        (table([], row="{f} {g} ?") + "\n2000", "line 4: column 2 is missing"),
        (table([], row="{f};{g}", decimal=",") + "\n1.000,5;3", "line 4: '1.000.5' is not a number"),
        (table(["* made", "", "Hz,dB"]) + "\n\n100,1", "line 8: frequency 100 Hz is in line 5 already"),
        (table([]) + "\n0,1", "line 4: frequency 0 Hz is not positive"),
        (table([]) + "\n2000,inf", "line 4: inf is not a finite number"),
        (table([]) + "\n2000,300", "line 4: 300 dB is out of range"),
        (table([]) + "\n2000,?", "line 4: '?' is not a number"),
    ],
)
def test_a_table_that_is_no_curve_is_refused(text, message):
    with pytest.raises(InputError) as error:
        read(text)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    "text", ["", "b0,b1,b2,a0,a1,a2\n1,0,0,1,0,0\n", "Preamp: 1 dB", "biquad1,\nb0=1,\n", "20\n30\n", "filters:\n  1"]
)
def test_what_is_no_curve_is_left_to_other_readers(text):
    assert not CurveReader().recognizes(text.encode())


@pytest.mark.parametrize(("options", "message"), [({"role": "raw"}, "role must be"), ({"channel": -1}, "channel must")])
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        CurveReader(**options)
