"""Faults in the generated processor: what is wrong, the change of its source that makes it so, and the check for it."""

OPERANDS = "        w, p = self.operands(w, param)  # w = 1/z\n"
RESULT = "        return (1 - p) / (1 - p * w)\n"
SUPER = "        super().__init__(size, nfft, Interval(-0.999, 0.999), requires_grad, alias_decay_db, device, dtype)\n"
END = "        self.initialize_class()\n"


def changed(body):
    """Another result of transfer."""
    return RESULT, f"        {body}\n"


def method(source):
    """One more method."""
    return END, f"{END}\n    {source}\n"


FORWARD = "def forward(self, x, ext_param=None):\n        "
ON_GRID = "def on_grid(self, param):\n        "

MUTANTS = [
    (
        "a sign in the transfer function",
        changed("return (1 - p) / (1 + p * w)"),
        "state_space_is_the_transfer_function",
    ),
    ("one sample too late", changed("return w * (1 - p) / (1 - p * w)"), "state_space_is_the_transfer_function"),
    ("one sample too early", changed("return (1 - p) / (1 - p * w) / w"), "is_causal"),
    ("an imaginary unit", changed("return (1 - 1j * p) / (1 - p * w)"), "has_a_real_impulse_response"),
    ("a division by zero", changed("return (1 - p) / (w - w)"), "gives_finite_values"),
    (
        "the parameter is detached",
        (OPERANDS, OPERANDS + "        p = p.detach()\n"),
        "gradient_is_right",
    ),
    (
        "the gradient is scaled on its way back",
        (OPERANDS, OPERANDS + "        p = 0.5 * p + 0.5 * p.detach()\n"),
        "gradient_is_right",
    ),
    (
        "requires_grad is not passed on",
        (SUPER, SUPER.replace("requires_grad", "False")),
        "gradient_reaches_the_parameter",
    ),
    (
        "an external parameter is passed over",
        (OPERANDS, OPERANDS.replace("(w, param)", "(w)")),
        "takes_a_batch_of_parameters",
    ),
    ("alias_decay_db is not passed on", (SUPER, SUPER.replace("alias_decay_db", "0.0")), "honours_alias_decay_db"),
    ("dtype is not passed on", (SUPER, SUPER.replace("dtype)", "torch.float32)")), "takes_the_common_arguments"),
    (
        "the number of outputs is not said",
        method("def get_io(self):\n        self.input_channels = len(self.param)"),
        "follows_the_protocol",
    ),
    (
        "the number of outputs is wrong",
        method("def get_io(self):\n        self.input_channels, self.output_channels = len(self.param), 1"),
        "has_the_shape_of_its_channels",
    ),
    ("any size is taken", method("def check_param_shape(self):\n        pass"), "names_a_wrong_size"),
    (
        "a faster response that is another one",
        method(ON_GRID + "return super().on_grid(param) + super().on_grid(param)"),
        "response_is_the_transfer_function",
    ),
    ("a gain in forward only", method(FORWARD + "return 2 * super().forward(x, ext_param)"), "forward_is_the_response"),
    (
        "the output is normalised",
        method(FORWARD + "return super().forward(x, ext_param) / x.abs().max()"),
        "is_linear",
    ),
    (
        "the bins are shifted",
        method(FORWARD + "return super().forward(x, ext_param).roll(1, 1)"),
        "stands_in_a_loop",
    ),
    (
        "the result is narrowed",
        method(FORWARD + "return super().forward(x, ext_param).to(torch.complex64)"),
        "keeps_its_precision",
    ),
    (
        "the input is changed in place",
        method(FORWARD + "return super().forward(x.mul_(2), ext_param)"),
        "leaves_its_input_alone",
    ),
    (
        "something is printed",
        method(FORWARD + "print(x.shape)\n        return super().forward(x, ext_param)"),
        "prints_nothing",
    ),
    (
        "the response is kept",
        method(
            ON_GRID
            + "self.kept = getattr(self, 'kept', None) or super().on_grid(param.detach())\n        return self.kept"
        ),
        "follows_its_parameter",
    ),
    (
        "the points are those of the constructor",
        (
            END,
            END + "        self.at = self.grid.points()\n\n    "
            "def on_grid(self, param):\n        return self.laid_out(self.transfer(self.at, param), param)\n",
        ),
        "follows_its_grid",
    ),
    (
        "state in a global",
        (
            OPERANDS,
            OPERANDS + "        kept = globals().setdefault('KEPT', {})\n"
            "        p, kept[0] = 0 * p + kept.get(0, p).detach(), p\n",
        ),
        "shares_nothing",
    ),
    (
        "a counter changes the result",
        (
            RESULT,
            "        self.calls = getattr(self, 'calls', 0) + 1\n        return self.calls * (1 - p) / (1 - p * w)\n",
        ),
        "repeats_itself",
    ),
    (
        "a tensor with a graph is kept",
        (OPERANDS, OPERANDS + "        vars(self).setdefault('kept', p)\n        p = vars(self)['kept']\n"),
        "goes_backward_twice",
    ),
    (
        "a tensor made in inference mode is kept",
        (OPERANDS, OPERANDS + "        p = p * vars(self).setdefault('ones', torch.ones_like(p))\n"),
        "trains_after_inference",
    ),
    (
        "a number that is no part of the state",
        (
            END,
            END + "        self.share = torch.rand(1).item()\n\n    "
            "def values(self, param=None):\n        return self.share * super().values(param)\n",
        ),
        "state_loads_strictly",
    ),
    (
        "a copy shares its parameter",
        method("def __deepcopy__(self, memo):\n        twin = __import__('copy').copy(self)\n        return twin"),
        "copies_are_independent",
    ),
    (
        "something that no argument gives",
        (END, END + "        self.made = __import__('time').time_ns()\n"),
        "saves_and_loads",
    ),
    (
        "a lambda for a map",
        (SUPER, SUPER.replace("Interval(-0.999, 0.999)", "lambda raw: torch.tanh(raw / 2)")),
        "pickles",
    ),
    (
        "a constant of float32",
        changed("return (torch.tensor(0.7) / 0.7 - p) / (1 - p * w)"),
        "computes_in_float64",
    ),
    (
        "three digits in float32",
        (OPERANDS, OPERANDS + "        p = p.half().to(p) if self.dtype == torch.float32 else p\n"),
        "agrees_in_float32",
    ),
    ("deaf to .double()", method("def double(self):\n        return self"), "doubles"),
    ("a seed in the constructor", (SUPER, "        torch.manual_seed(0)\n" + SUPER), "leaves_torch_alone"),
    (
        "all values in its repr",
        method("def extra_repr(self):\n        return str(self.param.tolist() * 500)"),
        "has_a_short_repr",
    ),
    (
        "a value is read in another unit than it is set in",
        ('return {"pole": value}', 'return {"pole": 0.5 * value}'),
        "physical_values_come_back",
    ),
    (
        "**kwargs in the constructor",
        (
            "        dtype: torch.dtype = torch.float32,\n",
            "        dtype: torch.dtype = torch.float32,\n        **kwargs: int,\n",
        ),
        "signature_is_explicit",
    ),
    (
        "an argument that is not documented",
        (
            "        dtype: torch.dtype = torch.float32,\n",
            "        dtype: torch.dtype = torch.float32,\n        order: int = 1,\n",
        ),
        "arguments_are_documented",
    ),
    (
        "a docstring that begins with something else",
        ('r"""One-pole lowpass for each channel.', 'r"""One-pole filter.'),
        "summary_is_the_first_line",
    ),
]
