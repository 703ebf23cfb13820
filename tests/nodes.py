"""Systems as plain data: a good one, and some that are wrong, with where and why."""

DELAYS = [3, 5, 7, 11, 13, 17, 19, 23]
NETWORK = {
    "series": {
        "input_gain": {"gain": {"size": [8, 1]}},
        "feedback_loop": {
            "recursion": {
                "feedforward": {"parallel_delay": {"samples": DELAYS}},
                "feedback": {"matrix": {"size": [8, 8], "matrix_type": "orthogonal", "learn": True}},
            }
        },
        "output_gain": {"gain": {"size": [1, 8]}},
    }
}

WRONG = {
    "unknown component": ("gian", (), "unknown component 'gian'; did you mean 'gain'?"),
    "unknown part": ({"series": {"a": {"gian": {}}}}, ("series", "a", "gian"), "did you mean 'gain'?"),
    "a loss": ({"mse": {}}, ("mse",), "unknown component 'mse'"),
    "an import path": ({"torch.nn:Linear": {}}, ("torch.nn:Linear",), "unknown component"),
    "two names": ({"gain": {}, "fft": {}}, (), "one name to its arguments; it has 2: gain, fft"),
    "no name": ({"series": [{}]}, ("series", 0), "it has 0"),
    "a number": ({"series": [3]}, ("series", 0), "got 3"),
    "a name that is a number": ({3: {}}, (), "it has 1: 3"),
    "arguments in a list": ({"gain": [1, 1]}, ("gain",), "must be a mapping of arguments, got [1, 1]"),
    "a lonely part": ({"series": 5}, ("series",), "must be a mapping of names to components, or a list of them"),
    "a part whose name is no text": ({"series": {1: "gain"}}, ("series",), "must be text, got 1"),
    "unknown argument": ({"gain": {"sizes": [1]}}, ("gain", "sizes"), "did you mean 'size'?"),
    "an argument like no other": ({"fft": {"xyz": 1}}, ("fft", "xyz"), "known are nfft, norm, dtype"),
    "no device": ({"gain": {"device": "cpu"}}, ("gain", "device"), "unknown argument"),
    "text for a number": ({"gain": {"nfft": "3"}}, ("gain", "nfft"), "must be a whole number, got '3'"),
    "a fraction": ({"gain": {"nfft": 3.5}}, ("gain", "nfft"), "must be a whole number, got 3.5"),
    "true for a number": ({"gain": {"nfft": True}}, ("gain", "nfft"), "must be a whole number, got True"),
    "a number for true": ({"gain": {"learn": 1}}, ("gain", "learn"), "must be true or false, got 1"),
    "infinity": ({"gain": {"alias_decay_db": float("inf")}}, ("gain", "alias_decay_db"), "must be a finite number"),
    "no list": ({"gain": {"size": 2}}, ("gain", "size"), "must be a list of whole numbers, got 2"),
    "a list of text": ({"gain": {"size": [2, "1"]}}, ("gain", "size"), "must be a list of whole numbers, got [2, '1']"),
    "an unknown type": ({"gain": {"dtype": "float16"}}, ("gain", "dtype"), "must be float32 or float64, got 'float16'"),
    "null": ({"gain": {"size": None}}, ("gain", "size"), "must be a list of whole numbers, got None"),
    "a jagged list": ({"delay": {"samples": [[1], [2, 3]]}}, ("delay", "samples"), "a number or a list of numbers"),
    "text for a quantity": ({"delay": {"samples": "3"}}, ("delay", "samples"), "a number or a list of numbers"),
    "a missing part": ({"recursion": {"feedback": "gain"}}, ("recursion", "feedforward"), "is missing"),
    "two names for one": ({"gain": {"learn": True, "requires_grad": True}}, ("gain", "requires_grad"), "says the same"),
    "an unknown constraint": ({"gain": {"map": "intervall"}}, ("gain", "map"), "did you mean 'interval'?"),
    "a constraint without bounds": ({"gain": {"map": "clamp"}}, ("gain", "map", "low"), "is missing"),
    "an import path as map": ({"gain": {"map": "torch:sigmoid"}}, ("gain", "map"), "unknown constraint"),
    "a long value": ({"gain": {"nfft": "x" * 500}}, ("gain", "nfft"), f"got '{'x' * 56}..."),
}
