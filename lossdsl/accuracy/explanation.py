"""What the page says before its tables: how the numbers come about, and what they mean."""

TEXT = """# Accuracy

The error of everything that is emitted, in ulps (units in the last place), beside the error of what is used today.
This page is written by `python -m lossdsl.accuracy -o docs/accuracy.md`; `tests/test_accuracy.py` measures a part of it
on every change.  Measured with {versions}, on a CPU; libraries round their elementary functions differently on others.

## What is measured

* **The truth** is the reference interpreter (`lossdsl.meaning.reference`): the formula as written, in 400 digits, or in
  4500 where 400 do not settle the first twenty digits of the result.  Inputs are the floating-point numbers that the
  code gets, exactly: for float32, numbers rounded to float32 before.
* **An ulp** is the distance of neighbouring floating-point numbers at the true value; among subnormal numbers, that of
  subnormal numbers.  A correctly rounded result has an error of at most 0.5; an error of 2^k ulps means that the last
  k + 1 bits are wrong.
* **Not representable**: where the true value overflows, nothing is compared.  Where it does not, a NaN or an infinity
  is counted apart (`NaN ×3`: at three inputs), not as an error in ulps.
* **Elementwise losses** (each element of the loss depends on one element of each argument) are measured element by
  element: the value with `reduction="none"`, derivatives of the sum.  Each argument takes 0, subnormal numbers, both
  signs of 1e-300 ... 1e200 (1e-45 ... 1e30 in float32), infinity (compared where a limit exists), numbers where
  exponentials saturate (17, 40, 90, 710, 1e4), the ends of its domain, kinks, and the neighbours of all these;
  arguments also come close to each other, and to a hyperparameter's distance from each other.  Hyperparameters have
  their defaults.  Beside that, 2^17 elements of ordinary size are summed (row *sum*).
* **Losses with reductions inside**, and derivatives by scalars, are measured on small arrays: drawn, saturated, scaled
  by 1e-30 ... 1e8, of all sizes mixed, tied; every entry of the elements, the gradient and the Hessian diagonal.
* **Derivatives** exist where the value is finite; at kinks they follow the conventions of the language reference.

## The goal

4 ulps for values, 8 for derivatives, times the condition number where that is larger than 1.

The **condition number** of a result q is the sum over the inputs x of |x q'(x)/q(x)|, with derivatives by the
interpreter, and next to a jump (the second derivative of Huber's loss) the difference quotient over four ulps of the
input.  It says how much of the error a relative error of the inputs would make.  The inputs here are exact, so a large
condition number explains an error and does not make it necessary: the tables show the error before the division, and
after it where that is smaller (`35→2.1`).

For losses with reductions the goal is that of pairwise summation: to the error of each term comes half an ulp for each
halving of the number of terms, relative to the sum of their magnitudes.  In a derivative these are the terms that the
chain rule adds up; in a value, those of every `sum`, `mean` and `cumsum` inside the formula, times what the formula
makes of that sum (`log(p) - log(q)` weighted by `p` and summed: a divergence that is small because the distributions
are close is a small sum of larger terms).  `logsumexp`, `softmax`, `norm` and `prod` are allowed nothing of the kind.
The tables do not divide by that sum, so what a cancellation inside costs is visible.

## How to read the tables

`1.4 (0.2)` is the largest error and the mean, over all inputs.  Bold is what misses the goal.  *typed* is the formula
of an elementwise loss as someone would type it in PyTorch, operation by operation, differentiated by autograd;
*torch.nn.functional* the function that PyTorch has for it.  The worst input is that of the emitted code.  Inputs of
usual size are 0 or between 1e-8 and 1e8 in magnitude; of the misses, those at such inputs come first."""
