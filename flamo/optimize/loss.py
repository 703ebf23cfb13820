"""Losses: those of the classic interface under their names, and further ones."""

from flamo_losses.average_power import AveragePower as AveragePower
from flamo_losses.channels_first import ChannelsFirst as ChannelsFirst
from flamo_losses.complex_error import ComplexError as ComplexError
from flamo_losses.curve_error import CurveError as CurveError
from flamo_losses.decay import edc_loss as edc_loss
from flamo_losses.decay import edr_loss as edr_loss
from flamo_losses.group_delay import GroupDelayError as GroupDelayError
from flamo_losses.magnitude import MagnitudeError as MagnitudeError
from flamo_losses.masked import masked_mse_loss as masked_mse_loss
from flamo_losses.mse import mse_loss as mse_loss
from flamo_losses.multiscale import mel_mss_loss as mel_mss_loss
from flamo_losses.multiscale import mss_loss as mss_loss
from flamo_losses.sparsity import sparsity_loss as sparsity_loss
