/* Stored rows of one customer cut into the numbers of a moment: packed numbers, then ages.
 *
 * As feature_repo.packed_one and retain.one.features.aged do it, which say what the bytes are.
 */
#include "packed.h"

typedef struct {
    char mark[MARK];
    Py_ssize_t width, floats_at, floats, ints_at, ints;
} Place;

typedef struct {
    PyObject_HEAD
    Py_ssize_t places, floats, stored, ends, ratios, many;
    Place *each;
    long long no_time;
    PyArrayObject *order, *since, *until, *over, *under;
    double *values, *work;
} Cut;

/* The numbers as they are stored into ``values``; 0 where the rows are as planned. */
static int cut(Cut *own, PyObject *line, Py_ssize_t first, long long *oldest, long long *newest) {
    double *floats = own->values, *whole = own->values + own->floats;
    for (Py_ssize_t at = 0; at < own->places; at++) {
        const Place *place = own->each + at;
        PyObject *cell = PyTuple_GET_ITEM(line, first + at);
        if (!is_row(cell, place->mark, place->width)) return -1;
        const char *bytes = PyBytes_AS_STRING(cell);
        long long computed = time_of(cell);
        *oldest = at && *oldest < computed ? *oldest : computed;
        *newest = at && *newest > computed ? *newest : computed;
        memcpy(floats, bytes + place->floats_at, (size_t)place->floats * sizeof(double));
        floats += place->floats;
        for (Py_ssize_t of = 0; of < place->ints; of++)
            *whole++ = whole_of(bytes + place->ints_at + of * 8, own->no_time);
    }
    return 0;
}

/* What was stored as it is at a moment: ages, terms and ratios. */
static void age(const Cut *own, const double *stored, double moment, double *read) {
    const npy_intp *since = PyArray_DATA(own->since), *until = PyArray_DATA(own->until);
    const npy_intp *over = PyArray_DATA(own->over), *under = PyArray_DATA(own->under);
    memcpy(read, stored, (size_t)own->stored * sizeof(double));
    for (npy_intp at = 0; at < PyArray_SIZE(own->since); at++)
        read[since[at]] = (moment - stored[since[at]]) / MICROSECONDS_PER_DAY;
    for (npy_intp at = 0; at < PyArray_SIZE(own->until); at++)
        read[until[at]] = (stored[until[at]] - moment) / MICROSECONDS_PER_DAY;
    for (Py_ssize_t at = 0; at < own->ratios; at++) {
        double ratio = read[over[at]] / read[under[at]];
        read[own->stored + at] = isfinite(ratio) ? ratio : NAN;
    }
}

PyDoc_STRVAR(hold_doc,
             "hold(line, first, moment): the numbers at a moment, and when the oldest row was\n"
             "computed; None where the rows are not as planned or do not hold until the moment.");

static PyObject *cut_hold(Cut *own, PyObject *const *given, Py_ssize_t many) {
    if (many != 3 || own->work == NULL || !PyTuple_Check(given[0]))
        return PyErr_Format(PyExc_TypeError, "a line, where its rows begin, and a moment");
    Py_ssize_t first = PyLong_AsSsize_t(given[1]);
    long long moment = PyLong_AsLongLong(given[2]), oldest = 0, newest = 0;
    if (PyErr_Occurred()) return NULL;
    if (first < 0 || first + own->places != PyTuple_GET_SIZE(given[0])) Py_RETURN_NONE;
    if (cut(own, given[0], first, &oldest, &newest) || newest > moment) Py_RETURN_NONE;
    const npy_intp *order = PyArray_DATA(own->order);
    double *stored = own->work;
    for (Py_ssize_t at = 0; at < own->stored + own->ends; at++) stored[at] = own->values[order[at]];
    for (Py_ssize_t at = own->stored; at < own->stored + own->ends; at++)
        if (stored[at] <= (double)moment) Py_RETURN_NONE;
    npy_intp length = own->stored + own->ratios;
    PyObject *vector = PyArray_SimpleNew(1, &length, NPY_DOUBLE);
    if (vector == NULL) return NULL;
    age(own, stored, (double)moment, PyArray_DATA((PyArrayObject *)vector));
    return Py_BuildValue("(NL)", vector, oldest);
}

static PyArrayObject *places_of(PyObject *from, npy_intp below) {
    PyArrayObject *made = (PyArrayObject *)PyArray_FROM_OTF(from, NPY_INTP, NPY_ARRAY_CARRAY_RO);
    if (made == NULL) return NULL;
    const npy_intp *each = PyArray_DATA(made);
    for (npy_intp at = 0; at < PyArray_SIZE(made); at++)
        if (each[at] < 0 || each[at] >= below) {
            PyErr_SetString(PyExc_ValueError, "a place that is not there");
            Py_CLEAR(made);
            return NULL;
        }
    return made;
}

static int place_of(PyObject *told, Place *into) {
    const char *mark;
    Py_ssize_t length;
    if (!PyArg_ParseTuple(told, "y#nnnnn", &mark, &length, &into->width, &into->floats_at,
                          &into->floats, &into->ints_at, &into->ints))
        return -1;
    Py_ssize_t floats_end = into->floats_at + into->floats * 8;
    Py_ssize_t ints_end = into->ints_at + into->ints * 8;
    if (length != sizeof into->mark || into->width < HEAD || into->floats < 0 || into->ints < 0 ||
        into->floats_at < 0 || into->ints_at < 0 || floats_end > into->width ||
        ints_end > into->width) {
        PyErr_SetString(PyExc_ValueError, "a row that is none");
        return -1;
    }
    memcpy(into->mark, mark, sizeof into->mark);
    return 0;
}

static int cut_init(Cut *own, PyObject *given, PyObject *named) {
    PyObject *places, *order, *since, *until, *over, *under;
    if (own->each != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "a cut is made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "O!OnLOOOO", &PyTuple_Type, &places, &order, &own->stored,
                          &own->no_time, &since, &until, &over, &under))
        return -1;
    own->places = PyTuple_GET_SIZE(places);
    own->each = PyMem_Calloc((size_t)own->places + 1, sizeof(Place));
    if (own->each == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t at = 0; at < own->places; at++) {
        if (place_of(PyTuple_GET_ITEM(places, at), own->each + at)) return -1;
        own->floats += own->each[at].floats;
        own->many += own->each[at].floats + own->each[at].ints;
    }
    if ((own->order = places_of(order, own->many)) == NULL ||
        (own->since = places_of(since, own->stored)) == NULL ||
        (own->until = places_of(until, own->stored)) == NULL ||
        (own->over = places_of(over, own->stored)) == NULL ||
        (own->under = places_of(under, own->stored)) == NULL)
        return -1;
    own->ends = PyArray_SIZE(own->order) - own->stored;
    own->ratios = PyArray_SIZE(own->over);
    if (own->ends < 0 || PyArray_SIZE(own->under) != own->ratios) {
        PyErr_SetString(PyExc_ValueError, "the parts of the cut do not fit together");
        return -1;
    }
    own->values = PyMem_Calloc((size_t)own->many + 1, sizeof(double));
    own->work = PyMem_Calloc((size_t)PyArray_SIZE(own->order) + 1, sizeof(double));
    if (own->values == NULL || own->work == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static void cut_free(Cut *own) {
    PyArrayObject *all[] = {own->order, own->since, own->until, own->over, own->under};
    for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++) Py_XDECREF(all[at]);
    PyMem_Free(own->each);
    PyMem_Free(own->values);
    PyMem_Free(own->work);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {
    {"hold", (PyCFunction)(void (*)(void))cut_hold, METH_FASTCALL, hold_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.cuts.Cut",
    .tp_basicsize = sizeof(Cut),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)cut_init,
    .tp_dealloc = (destructor)cut_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "cuts", .m_size = -1};

PyMODINIT_FUNC PyInit_cuts(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
