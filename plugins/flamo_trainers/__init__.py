"""Trainers and the data sets they run on."""
