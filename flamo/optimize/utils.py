"""Helpers of losses under their classic names."""

from flamo_losses.masked import generate_partitions as generate_partitions
