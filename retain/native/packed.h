/* What every packed row begins with, and its whole numbers: feature_repo.packed_codec says why. */
#ifndef RETAIN_PACKED_H
#define RETAIN_PACKED_H

#include "kernels.h"

#define MARK 8  /* bytes that tell the schema */
#define HEAD 16 /* the mark, and the event time, its sign flipped so that bytes sort as times do */

/* Whether a cell is a row of this mark, at least so wide. */
static inline int is_row(PyObject *cell, const char *mark, Py_ssize_t width) {
    return PyBytes_CheckExact(cell) && PyBytes_GET_SIZE(cell) >= width &&
           memcmp(PyBytes_AS_STRING(cell), mark, MARK) == 0;
}

static inline int64_t time_of(PyObject *cell) {
    const unsigned char *head = (const unsigned char *)PyBytes_AS_STRING(cell) + MARK;
    uint64_t raw = 0;
    for (int byte = 0; byte < 8; byte++) raw = raw << 8 | head[byte];
    return (int64_t)(raw ^ (uint64_t)1 << 63);
}

/* A whole number as it is read; ``no_time`` is missing. */
static inline double whole_of(const char *from, int64_t no_time) {
    int64_t whole;
    memcpy(&whole, from, sizeof whole);
    return whole == no_time ? NAN : (double)whole;
}

#endif
