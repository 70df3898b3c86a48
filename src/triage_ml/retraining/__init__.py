"""Corrected cases make a better model: labels from work, a challenger, its comparison with the champion.

run                       retrain: all of it in a row, up to a challenger that stands beside the champion
labels                    the shop's labelled rows, from the record or a file, and the slice set apart
cleaning                  contradictions and likely label errors, for a person
comparison                champion against challenger on the same texts; the proposal
behaviour                 what must hold of any model, whatever the wording
records                   what these hand to each other
"""
