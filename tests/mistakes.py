"""A good configuration, and wrong ones, one mistake each: the line and the words in which they are refused."""

GOOD = """\
flamo: 1
fs: 48000
nfft: 512
alias_decay_db: 30
seed: 0
system:
  series:
    input_gain: {gain: {size: [2, 1], learn: true}}
    feedback_loop:
      recursion:
        feedforward: {parallel_delay: {samples: [13, 19]}}
        feedback: {matrix: {size: [2, 2], matrix_type: orthogonal, learn: true}}
    output_gain: {gain: {size: [1, 2]}}
output: magnitude
target: flat
losses:
  - mse: {weight: 1}
optimizer: {adam: {lr: 1e-3}}
groups: {"*.feedback": {lr: 1e-4}}
schedule: {step: {step_size: 10}}
clip: 1.0
stop: {steps: 20, patience: 10}
checkpoints: {every: 5}
exports: [wav]
"""

MISTAKES = [
    # keys
    ("flamo: 1", "flamo: 2", 1, "flamo: must be 1, got 2"),
    ("flamo: 1", "flamo: '1'", 1, "flamo: must be 1, got '1'"),
    ("flamo: 1\n", "", 1, "flamo: is missing"),
    ("nfft: 512", "nftt: 512", 3, "nftt: unknown key; did you mean 'nfft'?"),
    ("seed: 0", "sed: 0", 5, "sed: unknown key; did you mean 'seed'?"),
    ("target: flat\n", "", 1, "target: is missing"),
    ("clip: 1.0", "clipping: 1.0", 21, "clipping: unknown key; did you mean 'clip'?"),
    ("stop: {steps", "stop: {step", 22, "stop.step: unknown key; did you mean 'steps'?"),
    ("checkpoints: {every", "checkpoints: {evry", 23, "checkpoints.evry: unknown key; did you mean 'every'?"),
    # types and ranges
    ("fs: 48000", "fs: 48 kHz", 2, "fs: must be a whole number, got '48 kHz'"),
    ("fs: 48000", "fs: 44100.5", 2, "fs: must be a whole number, got 44100.5"),
    ("nfft: 512", "nfft: 1", 3, "nfft: must be at least 2, got 1"),
    ("nfft: 512", "nfft: yes", 3, "nfft: must be a whole number, got 'yes'"),
    ("nfft: 512", "nfft: true", 3, "nfft: must be a whole number, got True"),
    ("nfft: 512", "nfft: 1000000000000", 3, "nfft: must be at most 6.71089e+07, got 1000000000000"),
    ("alias_decay_db: 30", "alias_decay_db: -30", 4, "alias_decay_db: must be at least 0, got -30"),
    ("alias_decay_db: 30", "alias_decay_db: .nan", 4, "alias_decay_db: must be a finite number, got nan"),
    ("seed: 0", "seed: -1", 5, "seed: must be at least 0, got -1"),
    ("seed: 0", "dtype: float16", 5, "dtype: must be 'float32' or 'float64', got 'float16'"),
    ("clip: 1.0", "clip: 0", 21, "clip: must be above 0, got 0"),
    ("clip: 1.0", "clip: [1]", 21, "clip: must be a number, got [1]"),
    ("steps: 20", "steps: 0", 22, "stop.steps: must be at least 1, got 0"),
    ("steps: 20", "steps: 1e3", 22, "stop.steps: must be a whole number, got 1000.0"),
    ("patience: 10", "patience: ten", 22, "stop.patience: must be a whole number, got 'ten'"),
    ("patience: 10", "improvement: 2", 22, "stop.improvement: must be below 1, got 2"),
    ("every: 5", "keep: 1", 23, "checkpoints.keep: must be at least 2, got 1"),
    ("exports: [wav]", "exports: [mp3]", 24, "exports.0: unknown exporter 'mp3'"),
    ("exports: [wav]", "exports: wav", 24, "exports: must be a list, got 'wav'"),
    ("stop: {steps: 20, patience: 10}", "stop: 20", 22, "stop: must be a mapping, got 20"),
    ("losses:\n  - mse: {weight: 1}", "losses: []", 16, "losses: must not be empty"),
    ("losses:\n  - mse: {weight: 1}", "losses: mse", 16, "losses: must be a list, got 'mse'"),
    # system
    ("{gain: {size: [2, 1]", "{gian: {size: [2, 1]", 8, "unknown component 'gian'; did you mean 'gain'?"),
    ("learn: true}}\n    feed", "lern: true}}\n    feed", 8, "gain.lern: unknown argument; did you mean 'learn'?"),
    ("[2, 1], learn: true", "[2, 1], learn: 1", 8, "gain.learn: must be true or false, got 1"),
    ("size: [2, 1]", "size: [2, one]", 8, "gain.size: must be a list of whole numbers, got [2, 'one']"),
    ("size: [2, 1]", "size: [0, 1]", 8, "input_gain.gain: every dimension of size must be at least 1, got (0, 1)"),
    (
        "size: [2, 1]",
        "size: [3, 1]",
        7,
        "system.series: Series: channels do not match: input_gain (Gain) has 3, feedback_loop",
    ),
    ("matrix_type: orthogonal", "matrix_type: ortogonal", 12, "matrix_type"),
    ("[13, 19]", "[13, -19]", 11, "samples: must be at least 0, got -19"),
    ("[13, 19]", "[13, x]", 11, "samples: must be a number or a list of numbers, got [13, 'x']"),
    ("output_gain: {gain: {size: [1, 2]}}", "output_gain: 3", 13, "a component is its name, or a mapping"),
    ("output_gain: {gain", "output_gain: {mse", 13, "unknown component 'mse'"),
    ("output_gain: {gain: {size: [1, 2]}}", "output_gain: {fft: {}, gain: {}}", 13, "it has 2: fft, gain"),
    ("{gain: {size: [1, 2]}}", "{os.system: {}}", 13, "unknown component 'os.system'"),
    # what is compared
    ("output: magnitude", "output: magnitud", 14, "did you mean 'magnitude'?"),
    ("output: magnitude", "output: gain", 14, "output: unknown transform 'gain'; there is a processor of that name"),
    ("target: flat", "target: missing.wav", 15, "missing.wav: no such file"),
    ("target: flat", "target: missing.csv", 15, "missing.csv: cannot be read: No such file"),
    ("target: flat", "target: {curve: ''}", 15, "target.curve: must not be empty"),
    ("target: flat", "target: {wva: room.wav}", 15, "target: must be 'flat', a file, or {curve: FILE}"),
    ("target: flat", "target: {wav: a.wav, chanel: 1}", 15, "target.chanel: unknown key; did you mean 'channel'?"),
    ("target: flat", "target: {wav: a.wav, channel: left}", 15, "target.channel: must be a whole number, got 'left'"),
    ("target: flat", "target: curve.csv\ninput: {wav: missing.wav}", 16, "missing.wav: no such file"),
    ("mse: {weight: 1}", "mes: {weight: 1}", 17, "losses.0.mes: unknown loss 'mes'; did you mean"),
    ("mse: {weight: 1}", "mse: {wieght: 1}", 17, "losses.0.mse.wieght: unknown argument"),
    ("mse: {weight: 1}", "mse: {weight: heavy}", 17, "losses.0.mse.weight: must be a finite number, got 'heavy'"),
    # training
    ("{adam: {lr: 1e-3}}", "{adm: {lr: 1e-3}}", 18, "optimizer: unknown optimizer 'adm'; did you mean 'adam'?"),
    ("{adam: {lr: 1e-3}}", "{adam: {learning_rate: 1e-3}}", 18, "optimizer 'adam' has no option 'learning_rate'"),
    ("{adam: {lr: 1e-3}}", "{adam: {lr: -1}}", 18, "optimizer 'adam': Invalid learning rate: -1"),
    ("{adam: {lr: 1e-3}}", "{adam: {lr: fast}}", 18, "optimizer 'adam': "),
    (
        "{adam: {lr: 1e-3}}",
        "acme/signs",
        18,
        "optimizer: unknown trainer 'acme/signs', for no plugin 'acme' is installed",
    ),
    ("{adam: {lr: 1e-3}}", "trainers/trainer", 18, "trainers/trainer leads no runs: it has not all of step, state,"),
    ("{adam: {lr: 1e-3}}", "[adam]", 18, "optimizer: must be a name, or a mapping of one name to its options"),
    ('"*.feedback": {lr', '"*.delays": {lr', 19, "groups: '*.delays' fits no parameter that learns"),
    ("{lr: 1e-4}", "{rate: 1e-4}", 19, "has no option 'rate'"),
    ("schedule: {step:", "schedule: {stp:", 20, "unknown schedule 'stp'; did you mean 'step'?"),
    ("{step_size: 10}", "{}", 20, "schedule 'step' needs the option step_size"),
]
