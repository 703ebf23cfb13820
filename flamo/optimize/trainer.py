"""Trainers under their classic names."""

from flamo_trainers.eager import EagerTrainer as EagerTrainer
from flamo_trainers.trainer import Trainer as Trainer
from flamo_trainers.trainer import get_str_results as get_str_results
