"""Recipes: configurations from a target and options."""
