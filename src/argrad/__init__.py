"""Learn through argmax: find where gradients stop, put them back, know how good they are."""
