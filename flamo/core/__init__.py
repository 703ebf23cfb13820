"""The core: grid, responses, constraints, the processor base, transforms and containers. It knows no plugin."""
