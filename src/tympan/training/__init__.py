"""From a recipe to a checkpoint and a bundle."""
