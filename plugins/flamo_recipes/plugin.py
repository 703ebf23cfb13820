"""What flamo_recipes offers."""

from collections.abc import Iterator

from flamo.plugin import Component, hookimpl


@hookimpl
def flamo_components() -> Iterator[Component]:
    yield Component(
        kind="recipe",
        name="peq",
        target="flamo_recipes.equalizers:ParametricRecipe",
        summary="A parametric equaliser, fitted by damped least squares from several starts.",
        aliases=("parametric",),
    )
    yield Component(
        kind="recipe",
        name="geq",
        target="flamo_recipes.equalizers:GraphicRecipe",
        summary="A graphic equaliser of peaks at the octaves, or at parts of octaves, whose gains are fitted.",
        aliases=("graphic",),
    )
