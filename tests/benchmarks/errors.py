"""What can go wrong, and how it is said."""


class BenchmarkError(RuntimeError):
    """The benchmark cannot run as asked; the message is one line."""


class CaseError(RuntimeError):
    """A case failed on one side; the others go on."""
