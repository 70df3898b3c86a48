"""Corrected cases make a better model: labels from work, a challenger, its comparison with the champion.

behaviour                 what must hold of any model, whatever the wording
"""
