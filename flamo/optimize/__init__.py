"""Data sets, losses and trainers under their classic names."""

from flamo.optimize import dataset as dataset
from flamo.optimize import loss as loss
from flamo.optimize import trainer as trainer
from flamo.optimize.dataset import *  # noqa: F403
from flamo.optimize.loss import *  # noqa: F403
from flamo.optimize.trainer import *  # noqa: F403
