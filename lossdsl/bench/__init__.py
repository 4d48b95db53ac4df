"""Timing of value and gradient: contenders that agree, in one run, taking turns, over the memory bound of that run.

What must hold: nothing is timed before its results are compared with a reference; contenders take turns, so that a slow
moment of the machine hits all of them; figures are medians, and ratios to the time of moving the bytes that must move.
What can not take part is named, with the reason.
"""
