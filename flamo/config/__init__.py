"""Systems as data: what a component takes, how to build one from plain data, and how to say a live one in it."""
