"""The numeric kernels that responses are made of."""
