"""E03xx: indices, the axes they run over, and their ranges."""

from __future__ import annotations

from lossdsl.diagnostics.problem import Problem


class WrongIndexCount(Problem):
    """A read gives more or fewer indices than there are axes.

    Each axis has one index, in the order in which the axes are declared.  The bare name stands for all of its declared
    indices.

    Wrong: `logits[n]` for `logits[n, c]`

    Right: `logits[n, c]`, or just `logits`
    """

    code = "E0301"
    title = "wrong number of indices"


class IndexNotOnLeft(Problem):
    """An index occurs on the right of a binding, and neither its left side nor a reduction binds it.

    With indices on the left, a binding has exactly those.  What the right side has beyond them must be reduced.

    Wrong: `row[n] = x[n, c]`

    Right: `row[n] = sum[c](x[n, c])`, or `row[n, c] = x[n, c]`
    """

    code = "E0302"
    title = "an index that the left side lacks"


class OpenOrder(Problem):
    """The order of the axes of a binding is needed, and the right side leaves it open.

    A binding without indices has the free indices of its right side, in the order that all reads agree on.  Where they
    do not settle it, the left side has to say it.

    Wrong:

        d = a[i] - b[j]
        return mean[i](d[i, i])

    Right:

        d[i, j] = a[i] - b[j]
        return mean[i](d[i, i])
    """

    code = "E0303"
    title = "the order of the axes is open"


class NoRange(Problem):
    """Nothing says over which positions an index runs.

    An index takes its range from an axis that it reads, from the axis of the signature that has its name, or from a
    range that is given where it is bound.

    Wrong: `sum[b]((x - b)^2)`

    Right: `sum[b in 10]((x - b)^2)`, or `sum[b in bins](...)` with a hyperparameter `bins`
    """

    code = "E0304"
    title = "an index without a range"


class SizesClash(Problem):
    """Two axes meet in one index, and their sizes can never be equal.

    An index has one range.  (Sizes that are known only at the call are compared there.)

    Wrong: `sum[k](box[n, k]*w[k])` for `box[n, 4]` and `w[3]`

    Right: arguments whose axes have one size, or two indices.
    """

    code = "E0305"
    title = "the sizes clash"


class OutOfRange(Problem):
    """An index is outside its axis, whatever the arguments.

    Positions are counted from 0.  A negative literal counts from the end: `x[-1]` is the last element.

    Wrong: `box[n, 4]` for `box[n, 4]`, whose last position is 3

    Right: `box[n, 3]`
    """

    code = "E0306"
    title = "the index is out of range"


class IndexReused(Problem):
    """A reduction binds an index that a reduction around it binds, or one index twice.

    Two reductions that stand beside each other may use one name; one inside the other may not.

    Wrong: `sum[i](x[i]*sum[i](y[i]))`

    Right: `sum[i](x[i]*sum[j](y[j]))`
    """

    code = "E0307"
    title = "the index is bound already"


class UnusedIndex(Problem):
    """A reduction index occurs neither in the body nor in the condition.

    The reduction would add the same value again and again; most likely the body means another index.

    Wrong: `mean[n](sum[k](x[n]))`

    Right: `mean[n](x[n])`, or `size(k)*x[n]` if that is meant
    """

    code = "E0308"
    title = "the index is not used"


class NotWhole(Problem):
    """An index is not a whole number.

    An index may be a variable, a whole number, arithmetic on these with `+`, `-`, `*` and `mod`, and data that its
    domain declares to be whole: `label[n] in c`, `event[n] in {0, 1}`.  `floor` and `round` make whole numbers.

    Wrong: `logits[n, label[n]]` for `label[n]` without a domain

    Right: declare `label[n] in c`
    """

    code = "E0309"
    title = "the index is not a whole number"


class StraySlice(Problem):
    """A `:` where one element is meant.

    `x[n, :]` hands the axis over to an argument with axes, or is unpacked into names; it is not a value.

    Wrong: `r = x[n, :] - y[n, :]`

    Right: `r = x - y`, or `row_norm(x[n, :])` for `def row_norm(v[d])`
    """

    code = "E0310"
    title = "a `:` has no value here"


class NothingToReduce(Problem):
    """A reduction without indices, of something that has no free indices.

    Without brackets, a reduction takes all free indices of its body that no enclosing reduction binds.

    Wrong: `mean[n](sum(x))` for `x[n]`

    Right: `mean[n](x)`
    """

    code = "E0311"
    title = "nothing to reduce"


class NotIndexable(Problem):
    """Something without axes is indexed.

    Arguments and bindings with axes, and calls of `def`s and losses that have indices of their own, can be indexed.
    A scalar argument of a `def` has none: it is mapped over whatever the `def` is called with.

    Wrong: `delta[n]` for the hyperparameter `delta > 0`

    Right: `delta`
    """

    code = "E0312"
    title = "this has no axes"


class WrongUnpacking(Problem):
    """An unpacking whose right side is not one axis of as many elements as there are names.

    Wrong: `x, y = box[n, :]` for `box[n, 4]`

    Right: `x1, y1, x2, y2 = box[n, :]`
    """

    code = "E0313"
    title = "this cannot be unpacked"


class OneIndexOnly(Problem):
    """A reduction that works along exactly one index has several, or none.

    `argmax` and `argmin` give one position; `softmax`, `log_softmax` and `cumsum` work along one axis.

    Wrong: `softmax(logits)`, `argmax[n, c](logits)`

    Right: `softmax[c](logits)`, `argmax[c](logits)`
    """

    code = "E0314"
    title = "exactly one index is needed"


class IndexNotOnRight(Problem):
    """An index on the left of a binding does not occur on the right, and nothing else says its range.

    Wrong: `m[n, k] = mean[c](x[n, c])`

    Right: `m[n] = mean[c](x[n, c])`, or `m[n, k in 3] = mean[c](x[n, c])`
    """

    code = "E0315"
    title = "an index that the right side lacks"


class BadRange(Problem):
    """What stands after `in`, where an index is bound, is not a size.

    A size is a whole number, an axis of the signature, or a hyperparameter that is a whole number.

    Wrong: `sum[b in 2.5](...)`, `sum[b in scale](...)` for `learn scale`

    Right: `sum[b in 10](...)`, `sum[b in bins](...)` for `bins > 0 = 10`
    """

    code = "E0316"
    title = "not a size"
