/* When a customer responds: retain.decisions.hours.Habits in C, the same to the last bit.
 *
 * Whole numbers of visits are counted, so that every sum is exact in whatever order. What is not
 * written as features write it is Python's: NotImplemented.
 */
#include "kernels.h"

#define DAY 24
#define HOURS 168
#define MOST_LINES 65536
#define MOST_DIGITS 9
#define RESPONSE_WEIGHT 2.0
#define BASE_TIMES 8.0
#define OTHER_DAY 0.5
#define BESIDE 0.5
#define SPREAD ((1.0 + 2.0 * BESIDE) * (1.0 + 6.0 * OTHER_DAY))

typedef struct {
    double own[HOURS], seen;
    int of[HOURS], many; /* hours that something was counted in */
} Counts;

/* Digits from a place on up to the end of them; -1 where there are none or too many. */
static long number(const char *text, Py_ssize_t size, Py_ssize_t *at) {
    long value = 0;
    Py_ssize_t begin = *at;
    for (; *at < size && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
        if (*at - begin == MOST_DIGITS) return -1;
        value = 10 * value + (text[*at] - '0');
    }
    return *at == begin ? -1 : value;
}

/* Adds lines of "hour count"; 0 where all of them are. */
static int counted(Counts *into, PyObject *lines, double weight) {
    if (lines == Py_None) return 0;
    if (!PyList_Check(lines) || PyList_GET_SIZE(lines) > MOST_LINES) return -1;
    for (Py_ssize_t line = 0; line < PyList_GET_SIZE(lines); line++) {
        PyObject *text = PyList_GET_ITEM(lines, line);
        if (!PyUnicode_Check(text) || !PyUnicode_IS_COMPACT_ASCII(text)) return -1;
        const char *from = (const char *)PyUnicode_1BYTE_DATA(text);
        Py_ssize_t size = PyUnicode_GET_LENGTH(text), at = 0;
        long hour = number(from, size, &at);
        if (hour < 0 || hour >= HOURS || at == size || from[at++] != ' ') return -1;
        long count = number(from, size, &at);
        if (count < 1 || at != size) return -1;
        if (into->own[hour] == 0.0) into->of[into->many++] = (int)hour;
        into->own[hour] += weight * (double)count;
        into->seen += weight * (double)count;
    }
    return 0;
}

/* The shares of ``many`` hours from the ``first``, at most a week; -1: nobody was ever seen, -2:
 * Python is to say, -3: an exception is set. */
static int shares(PyObject *const *given, long first, long many, double *into) {
    PyObject *base = given[0];
    int known = PyObject_IsTrue(given[1]);
    if (known < 0) return -3;
    if (!PyList_Check(base) || PyList_GET_SIZE(base) != HOURS || first < 0 || first >= HOURS ||
        many < 0 || many > HOURS)
        return -2;
    Counts counts = {.seen = 0.0};
    if (counted(&counts, given[2], 1.0) || counted(&counts, given[3], RESPONSE_WEIGHT)) return -2;
    if (!counts.many && !known) return -1;
    for (long at = 0; at < many; at++) {
        PyObject *share = PyList_GET_ITEM(base, (first + at) % HOURS);
        if (!PyFloat_Check(share)) return -2;
        into[at] = PyFloat_AS_DOUBLE(share);
    }
    if (!counts.many) return 0;
    double of_day[DAY] = {0.0}, own[HOURS + 2];
    for (int at = 0; at < counts.many; at++)
        of_day[counts.of[at] % DAY] += counts.own[counts.of[at]];
    for (int hour = 0; hour < DAY; hour++) of_day[hour] *= OTHER_DAY;
    for (long at = 0; at < many + 2; at++) {
        long hour = (first + HOURS - 1 + at) % HOURS;
        double count = counts.own[hour], others = of_day[hour % DAY];
        own[at] = count == 0.0 ? others : (1.0 - OTHER_DAY) * count + others;
    }
    double whole = SPREAD * counts.seen;
    double of_own = counts.seen / (counts.seen + BASE_TIMES), of_base = 1.0 - of_own;
    for (long at = 0; at < many; at++) {
        double mine = (own[at + 1] + BESIDE * (own[at] + own[at + 2])) / whole;
        into[at] = of_own * mine + of_base * into[at];
    }
    return 0;
}

static PyObject *instead(int failed) {
    if (failed == -3) return NULL;
    if (failed == -2) Py_RETURN_NOTIMPLEMENTED;
    Py_RETURN_NONE;
}

PyDoc_STRVAR(scores_doc, "scores(base, known, active, responsive, first, many): shares or None.");

static PyObject *scores(PyObject *module, PyObject *const *given, Py_ssize_t size) {
    (void)module;
    if (size != 6) return PyErr_Format(PyExc_TypeError, "what was counted, and which hours");
    long first = PyLong_AsLong(given[4]), many = PyLong_AsLong(given[5]);
    if (PyErr_Occurred()) return NULL;
    double found[HOURS];
    int failed = shares(given, first, many, found);
    if (failed) return instead(failed);
    PyObject *told = PyList_New(many);
    for (long at = 0; told != NULL && at < many; at++) {
        PyObject *share = PyFloat_FromDouble(found[at]);
        if (share == NULL) Py_CLEAR(told);
        else PyList_SET_ITEM(told, at, share);
    }
    return told;
}

PyDoc_STRVAR(best_doc, "best(base, known, active, responsive, first, quiet, local): hours ahead.");

static PyObject *best(PyObject *module, PyObject *const *given, Py_ssize_t size) {
    (void)module;
    if (size != 7) return PyErr_Format(PyExc_TypeError, "what was counted, and which hours not");
    long first = PyLong_AsLong(given[4]), local = PyLong_AsLong(given[6]);
    if (PyErr_Occurred()) return NULL;
    PyObject *quiet = given[5];
    if (quiet != Py_None && (!PyTuple_Check(quiet) || PyTuple_GET_SIZE(quiet) != DAY || local < 0))
        Py_RETURN_NOTIMPLEMENTED;
    double found[DAY];
    int failed = shares(given, first, DAY, found);
    if (failed) return instead(failed);
    long ahead = 0;
    for (long at = 0; at < DAY; at++) {
        if (quiet != Py_None && PyTuple_GET_ITEM(quiet, (local % DAY + at) % DAY) == Py_True)
            found[at] = -1.0;
        if (found[at] > found[ahead]) ahead = at;
    }
    return PyLong_FromLong(ahead);
}

static PyMethodDef functions[] = {
    {"scores", (PyCFunction)(void (*)(void))scores, METH_FASTCALL, scores_doc},
    {"best", (PyCFunction)(void (*)(void))best, METH_FASTCALL, best_doc},
    {NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "hours", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit_hours(void) {
    static const Named none[] = {{0}};
    import_array();
    return module_of(&definition, none, NULL);
}
