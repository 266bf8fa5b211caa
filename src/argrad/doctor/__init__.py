"""Find where gradients stop: which parameters get none, which loss terms are dead, which line cut them."""
