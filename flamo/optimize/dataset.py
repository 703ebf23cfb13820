"""Data sets under their classic names."""

from flamo_trainers.dataset import Dataset as Dataset
from flamo_trainers.dataset import DatasetColorless as DatasetColorless
from flamo_trainers.dataset import get_dataloader as get_dataloader
from flamo_trainers.dataset import load_dataset as load_dataset
from flamo_trainers.dataset import split_dataset as split_dataset
