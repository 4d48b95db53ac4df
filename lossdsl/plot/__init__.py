"""Pictures of losses: sections through them, drawn with characters or as figures.

section    the values and slopes of a loss along one entry of a prediction
text       a section for a terminal
"""
