"""k-means, trained through its argmin."""
