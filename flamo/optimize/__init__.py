"""Data sets, losses and trainers under their classic names."""

from flamo.optimize import dataset as dataset
from flamo.optimize import loss as loss
from flamo.optimize import trainer as trainer
from flamo.optimize import utils as utils
from flamo.optimize.dataset import *
from flamo.optimize.loss import *
from flamo.optimize.trainer import *
