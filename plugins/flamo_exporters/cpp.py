"""Headers of C++."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from flamo.design import Design
from flamo_exporters.folded import exact

HEADER = """\
// Made by flamo: second-order sections one after the other, for {fs:g} Hz.
// Transposed direct form II, a0 = 1: y = b0 x + s1, s1' = b1 x - a1 y + s2, s2' = b2 x - a2 y.
#pragma once
#include <array>
#include <cstddef>

namespace {namespace} {{

inline constexpr const char* name = "{name}";
inline constexpr double sample_rate = {fs!r};

class Filter {{
public:
    double process(double x) noexcept {{
        x *= gain_;
        for (auto& s : sections_) {{
            const double y = s.b0 * x + s.s1;
            s.s1 = s.b1 * x - s.a1 * y + s.s2;
            s.s2 = s.b2 * x - s.a2 * y;
            x = y;
        }}
        return x;
    }}

    template <typename Sample>
    void process(Sample* samples, std::size_t count) noexcept {{
        for (std::size_t i = 0; i < count; ++i) {{
            samples[i] = static_cast<Sample>(process(static_cast<double>(samples[i])));
        }}
    }}

    void reset() noexcept {{
        for (auto& s : sections_) s.s1 = s.s2 = 0.0;
    }}

private:
    struct Section {{
        double b0, b1, b2, a1, a2;
        double s1 = 0.0, s2 = 0.0;
    }};
    double gain_ = {gain};
    std::array<Section, {count}> sections_{{{{{sections}}}}};
}};

}}  // namespace {namespace}
"""


class Cpp:
    """Header of C++17 without dependencies.

    A class ``Filter`` in a namespace of the design's name, in double: ``process(x)`` of one sample, ``process(samples,
    count)`` in place, ``reset()``. One object filters one channel.

    Raises:
        InputError: on export, of what is no cascade of second-order sections.

    >>> identifier("HD 600 (Größe)"), identifier("2nd"), identifier("耳")
    ('flamo_hd_600_grosse', 'flamo_2nd', 'flamo_u8033')
    """

    suffix = ".hpp"

    def export(self, design: Design) -> Mapping[str, bytes]:
        gain, sos = design.sections()
        rows = ["{" + ", ".join(map(exact, row[[0, 1, 2, 4, 5]])) + "}" for row in sos]
        text = HEADER.format(
            fs=float(design.fs),
            namespace=identifier(design.name),
            name=escaped(design.name),
            gain=exact(gain),
            count=len(rows),
            sections="".join(f"\n        {row}," for row in rows) + "\n    " if rows else "",
        )
        return {design.file(self.suffix): text.encode()}


def identifier(name: str) -> str:
    """A name that C++ takes: what has no letter in ASCII is written by its number."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    spelled = "".join(c if c.isascii() else f"u{ord(c):x}" for c in plain)
    return "_".join(["flamo", *re.findall("[a-z0-9]+", spelled)])


def escaped(text: str) -> str:
    """What stands between the quotes of a string; a question mark may begin a trigraph."""
    return re.sub(r'(["\\?])', r"\\\1", text)
