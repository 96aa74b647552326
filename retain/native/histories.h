/* Stored lists of one customer, as retain.one.histories reads them.
 *
 * A list is its items, each ended by 0xFF. What is not as it is written elsewhere (a date, a count,
 * a text that is none) is odd: whoever meets it lets the Python answer.
 */
#ifndef RETAIN_HISTORIES_H
#define RETAIN_HISTORIES_H

#include "kernels.h"

/* how long the lists are that are read */
enum { PRODUCTS = 30, CATEGORIES = 10, SEEN = 10 };

/* Of what is known: place in the list, place in the tables, times, days since. */
typedef struct {
    npy_intp at, place;
    double times, age;
} Known;

typedef struct {
    const char *from, *end;
} List;

static int listed(PyObject *stored, List *list) {
    list->from = list->end = NULL;
    if (stored == Py_None) return 1;
    if (!PyBytes_Check(stored)) return 0;
    list->from = PyBytes_AS_STRING(stored);
    list->end = list->from + PyBytes_GET_SIZE(stored);
    return list->from == list->end || list->end[-1] == (char)0xFF;
}

static const char *item_end(const List *list) {
    return memchr(list->from, 0xFF, (size_t)(list->end - list->from));
}

/* The place of a name; -1 nobody knows it, -2 it is no text. */
static npy_intp place_of(PyObject *places, const char *from, const char *to) {
    PyObject *name = PyUnicode_DecodeUTF8(from, to - from, NULL);
    PyObject *found = name == NULL ? NULL : PyDict_GetItemWithError(places, name);
    Py_XDECREF(name);
    if (found != NULL) return PyLong_AsSsize_t(found);
    if (!PyErr_Occurred()) return -1;
    PyErr_Clear();
    return -2;
}

static int digits(const char *from, int many, long *value) {
    *value = 0;
    for (int at = 0; at < many; at++) {
        if (from[at] < '0' || from[at] > '9') return 0;
        *value = *value * 10 + (from[at] - '0');
    }
    return 1;
}

/* Days since the epoch of an ISO date (Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int day_of(const char *text, double *day) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    long y, m, d;
    if (!digits(text, 4, &y) || text[4] != '-' || !digits(text + 5, 2, &m) || text[7] != '-' ||
        !digits(text + 8, 2, &d) || y < 1 || m < 1 || m > 12 || d < 1)
        return 0;
    int leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d > lengths[m - 1] + (m == 2 && leap)) return 0;
    y -= m <= 2;
    long era = y / 400, of_era = y - era * 400;
    long of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    *day = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return 1;
}

/* Entries "times day name" of what is known; how many there are, or -1. */
static npy_intp counted(PyObject *stored, PyObject *places, npy_intp most, double today,
                        Known *known, double *total) {
    List list;
    npy_intp many = 0;
    *total = 0.0;
    if (!listed(stored, &list)) return -1;
    for (npy_intp at = 0; at < most && list.from < list.end; at++) {
        const char *from = list.from, *to = item_end(&list);
        list.from = to + 1;
        int width = 0;
        while (width < 15 && from[width] >= '0' && from[width] <= '9') width++;
        long times;
        double day;
        if (!width || to - from < width + 12 || from[width] != ' ' || from[width + 11] != ' ' ||
            !digits(from, width, &times) || !day_of(from + width + 1, &day))
            return -1;
        *total += (double)times;
        npy_intp place = place_of(places, from + width + 12, to);
        if (place < -1) return -1;
        if (place < 0) continue;
        double age = today - day;
        known[many++] = (Known){at, place, (double)times, 0.0 > age ? 0.0 : age};
    }
    return many;
}

/* Places of ids, -1 where nobody knows it; how many there are, or -1. */
static npy_intp seen(PyObject *stored, PyObject *places, npy_intp *found) {
    List list;
    npy_intp many = 0;
    if (!listed(stored, &list)) return -1;
    for (; many < SEEN && list.from < list.end; many++) {
        const char *to = item_end(&list);
        found[many] = place_of(places, list.from, to);
        if (found[many] < -1) return -1;
        list.from = to + 1;
    }
    return many;
}

#endif
