"""The kit for authors of plugins: throw-away plugins, and the checks that every component has to pass.

::

    from acme.allpass import Allpass
    from flamo.testing import parametrize_with_checks


    @parametrize_with_checks([Allpass])
    def test_it_is_what_a_processor_has_to_be(case, check):
        check(case)

The same from the command line is ``flamo check-plugin acme``. flamo's own components are tested by this kit.
"""

from flamo.testing.case import Case as Case
from flamo.testing.check import Check as Check
from flamo.testing.check import CheckError as CheckError
from flamo.testing.distributions import make_plugin as make_plugin
from flamo.testing.distributions import write_plugin as write_plugin
from flamo.testing.exporters import EqualizerExample as EqualizerExample
from flamo.testing.imports import heavy_imports as heavy_imports
from flamo.testing.kit import checks as checks
from flamo.testing.kit import parametrize_with_checks as parametrize_with_checks
