/* Numbers that depend on the day of the year: retain.predictors.yearly of one moment. */
#ifndef RETAIN_YEARLY_H
#define RETAIN_YEARLY_H

#include "kernels.h"

typedef struct {
    long long since;
    npy_intp weeks, width;
    PyArrayObject *rows; /* (weeks + 1, width) */
} Yearly;

/* From ``since`` in epoch microseconds and rows; 0 where they are such rows. */
static int yearly_of(Yearly *own, long long since, PyObject *rows) {
    own->since = since;
    own->rows = doubles_of(rows);
    if (own->rows == NULL) return -1;
    if (PyArray_NDIM(own->rows) != 2 || PyArray_DIM(own->rows, 0) < 2) {
        PyErr_SetString(PyExc_ValueError, "a year has at least two rows");
        return -1;
    }
    own->weeks = PyArray_DIM(own->rows, 0) - 1;
    own->width = PyArray_DIM(own->rows, 1);
    return 0;
}

/* The numbers at a moment, (width,). */
static void yearly_at(const Yearly *own, long long moment, double *into) {
    double length = 7.0 * (double)own->weeks;
    double days = fmod((double)(moment - own->since) / MICROSECONDS_PER_DAY, length);
    if (days < 0.0) days += length;
    double place = days / 7.0;
    npy_intp left = (npy_intp)place;
    if (left > own->weeks - 1) left = own->weeks - 1;
    double share = place - (double)left, rest = 1.0 - share;
    const double *from = numbers(own->rows) + left * own->width, *to = from + own->width;
    for (npy_intp at = 0; at < own->width; at++) into[at] = rest * from[at] + share * to[at];
}

#endif
