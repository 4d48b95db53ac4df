"""The losses that every change is tested with: one of each kind, all of which meet the goal."""

QUICK = (
    "regression: mse",
    "regression: mae",
    "regression: huber",
    "examples: hinge",
    "examples: mse_mae",
    "examples: box_iou",
)
