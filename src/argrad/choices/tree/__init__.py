"""The best dependency tree over the words of a sentence, projective or not.

A tree gives every word one head: another word, or the root. It is the vertex y of n × n numbers with y[m, h] = 1 where
word h is the head of word m, and y[m, m] = 1 where m hangs from the root: every row is a choice of one out of n.
"""

from argrad.choices.tree.build import arcs, heads, log_partition, tree

__all__ = ["arcs", "heads", "log_partition", "tree"]
