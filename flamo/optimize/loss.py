"""Losses under their classic names."""

from flamo_losses.mse import mse_loss as mse_loss
