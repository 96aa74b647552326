/* Several blends' scores of one row: retain.one.rows and retain.one.blends in C. */
#include "members.h"

enum { LINEAR, ODDS, TREES };

typedef struct {
    int kind;
    double share;
    Py_ssize_t number;
    Odds odds;
    const Trees *trees;
} Part;

typedef struct {
    PyObject_HEAD
    PyObject *keeping; /* what parts point into */
    PyArrayObject *places, *puts, *defaults;
    npy_intp length, width, blends, *ends;
    Linears linears;
    Part *parts;
    double *row;
} Blends;

static double scored(const Blends *own, const Part *part) {
    if (part->kind == LINEAR) return linear(&own->linears, part->number, own->row, own->width);
    if (part->kind == ODDS) return odds(&part->odds, own->row);
    return trees_score(part->trees, own->row);
}

static int filled(Blends *own, PyObject *vector, PyObject *put) {
    PyArrayObject *array = (PyArrayObject *)vector;
    if (!PyArray_Check(vector) || PyArray_TYPE(array) != NPY_DOUBLE ||
        !PyArray_IS_C_CONTIGUOUS(array) || PyArray_SIZE(array) != own->length ||
        !PyList_Check(put) || PyList_GET_SIZE(put) != PyArray_SIZE(own->puts)) {
        PyErr_SetString(PyExc_ValueError, "not a vector and the values that are put into the row");
        return -1;
    }
    const npy_intp *places = PyArray_DATA(own->places), *puts = PyArray_DATA(own->puts);
    const double *from = numbers(array), *defaults = numbers(own->defaults);
    for (npy_intp at = 0; at < own->width; at++) own->row[at] = from[places[at]];
    for (npy_intp at = 0; at < PyArray_SIZE(own->puts); at++)
        own->row[puts[at]] = PyFloat_AsDouble(PyList_GET_ITEM(put, at));
    if (PyErr_Occurred()) return -1;
    for (npy_intp at = 0; at < own->width; at++)
        if (isnan(own->row[at])) own->row[at] = defaults[at];
    return 0;
}

PyDoc_STRVAR(raw_doc, "raw(vector, put): one score per blend.");

static PyObject *blends_raw(Blends *own, PyObject *const *given, Py_ssize_t many) {
    if (many != 2 || own->row == NULL)
        return PyErr_Format(PyExc_TypeError, "a vector and what is put into the row");
    /* made first: the collector may run here, and what it ends may ask for another customer */
    PyObject *scores = PyList_New(own->blends);
    if (scores == NULL || filled(own, given[0], given[1])) {
        Py_XDECREF(scores);
        return NULL;
    }
    if (own->linears.models) linears_begin(&own->linears, own->row, own->width);
    npy_intp at = 0;
    for (npy_intp blend = 0; blend < own->blends; blend++) {
        double sum = 0.0;
        for (npy_intp first = at; at < own->ends[blend]; at++) {
            double term = own->parts[at].share * scored(own, own->parts + at);
            sum = at > first ? sum + term : term;
        }
        PyObject *value = PyFloat_FromDouble(sum);
        if (value == NULL) {
            Py_DECREF(scores);
            return NULL;
        }
        PyList_SET_ITEM(scores, blend, value);
    }
    return scores;
}

/* A part's tuple: its kind, what that kind needs, and its share. */
static int part_of(Blends *own, PyObject *told, Part *part) {
    PyObject *rest;
    if (!PyArg_ParseTuple(told, "iO!d", &part->kind, &PyTuple_Type, &rest, &part->share)) return -1;
    Odds *of = &part->odds;
    PyObject *capsule;
    switch (part->kind) {
    case LINEAR:
        if (!PyArg_ParseTuple(rest, "n", &part->number)) return -1;
        if (part->number >= 0 && part->number < own->linears.models) return 0;
        break;
    case ODDS:
        if (!PyArg_ParseTuple(rest, "ddddddnnn", &of->r, &of->alpha, &of->log_a, &of->b,
                              &of->horizon, &of->most_certain, &of->bought, &of->last, &of->first))
            return -1;
        if (of->bought >= 0 && of->bought < own->width && of->last >= 0 &&
            of->last < own->width && of->first >= 0 && of->first < own->width)
            return 0;
        break;
    case TREES:
        if (!PyArg_ParseTuple(rest, "O", &capsule)) return -1;
        part->trees = PyCapsule_GetPointer(capsule, TREES_CAPSULE);
        if (part->trees == NULL) return -1;
        if (part->trees->width == own->width) return 0;
        break;
    }
    PyErr_SetString(PyExc_ValueError, "a part of a blend that is none");
    return -1;
}

static int parts_of(Blends *own, PyObject *blends) {
    npy_intp all = 0;
    own->blends = PyTuple_GET_SIZE(blends);
    for (npy_intp at = 0; at < own->blends; at++) {
        if (!PyTuple_Check(PyTuple_GET_ITEM(blends, at))) {
            PyErr_SetString(PyExc_TypeError, "a blend is a tuple of parts");
            return -1;
        }
        all += PyTuple_GET_SIZE(PyTuple_GET_ITEM(blends, at));
    }
    own->parts = PyMem_Calloc((size_t)all + 1, sizeof(Part));
    own->ends = PyMem_Calloc((size_t)own->blends + 1, sizeof(npy_intp));
    if (own->parts == NULL || own->ends == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    npy_intp next = 0;
    for (npy_intp blend = 0; blend < own->blends; blend++) {
        PyObject *parts = PyTuple_GET_ITEM(blends, blend);
        for (npy_intp at = 0; at < PyTuple_GET_SIZE(parts); at++)
            if (part_of(own, PyTuple_GET_ITEM(parts, at), own->parts + next++)) return -1;
        own->ends[blend] = next;
    }
    return 0;
}

static int within(PyArrayObject *places, npy_intp many) {
    const npy_intp *each = PyArray_DATA(places);
    for (npy_intp at = 0; at < PyArray_SIZE(places); at++)
        if (each[at] < 0 || each[at] >= many) return 0;
    return 1;
}

static int linears_of(Blends *own, PyObject *arrays) {
    Linears *of = &own->linears;
    PyObject *center, *scale, *weights, *missing, *intercepts;
    if (!PyArg_ParseTuple(arrays, "dOOOOO", &of->clip, &center, &scale, &weights, &missing,
                          &intercepts) ||
        (of->center = doubles_of(center)) == NULL || (of->scale = doubles_of(scale)) == NULL ||
        (of->weights = doubles_of(weights)) == NULL || (of->missing = doubles_of(missing)) == NULL ||
        (of->intercepts = doubles_of(intercepts)) == NULL)
        return -1;
    of->models = PyArray_SIZE(of->intercepts);
    of->logs = PyMem_Calloc((size_t)own->width + 1, sizeof(double));
    of->terms = PyMem_Calloc((size_t)own->width + 1, sizeof(double));
    if (of->logs == NULL || of->terms == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    PyArrayObject *all[] = {of->center, of->scale, of->weights, of->missing};
    for (int at = 0; at < 4; at++)
        if (PyArray_SIZE(all[at]) != of->models * own->width) {
            PyErr_SetString(PyExc_ValueError, "linear models of another width");
            return -1;
        }
    return 0;
}

static int blends_init(Blends *own, PyObject *given, PyObject *named) {
    PyObject *places, *puts, *defaults, *linears, *blends;
    if (own->places != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "blends are made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "nOOOO!O!", &own->length, &places, &puts, &defaults,
                          &PyTuple_Type, &linears, &PyTuple_Type, &blends))
        return -1;
    own->keeping = Py_NewRef(blends);
    own->places = (PyArrayObject *)PyArray_FROM_OTF(places, NPY_INTP, NPY_ARRAY_CARRAY_RO);
    own->puts = (PyArrayObject *)PyArray_FROM_OTF(puts, NPY_INTP, NPY_ARRAY_CARRAY_RO);
    own->defaults = doubles_of(defaults);
    if (own->places == NULL || own->puts == NULL || own->defaults == NULL) return -1;
    own->width = PyArray_SIZE(own->places);
    if (PyArray_SIZE(own->defaults) != own->width || !within(own->places, own->length) ||
        !within(own->puts, own->width)) {
        PyErr_SetString(PyExc_ValueError, "the row is made of places that are not there");
        return -1;
    }
    if (linears_of(own, linears) || parts_of(own, blends)) return -1;
    own->row = PyMem_Calloc((size_t)own->width + 1, sizeof(double));
    if (own->row == NULL) PyErr_NoMemory();
    return own->row == NULL ? -1 : 0;
}

static void blends_free(Blends *own) {
    Linears *of = &own->linears;
    PyArrayObject *all[] = {own->places, own->puts,   own->defaults, of->center,
                            of->scale,   of->weights, of->missing,   of->intercepts};
    for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++) Py_XDECREF(all[at]);
    double *buffers[] = {own->row, of->logs, of->terms};
    for (size_t at = 0; at < sizeof(buffers) / sizeof(*buffers); at++) PyMem_Free(buffers[at]);
    PyMem_Free(own->parts);
    PyMem_Free(own->ends);
    Py_XDECREF(own->keeping);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {
    {"raw", (PyCFunction)(void (*)(void))blends_raw, METH_FASTCALL, raw_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.blends.Blends",
    .tp_basicsize = sizeof(Blends),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)blends_init,
    .tp_dealloc = (destructor)blends_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "blends", .m_size = -1};

PyMODINIT_FUNC PyInit_blends(void) {
    static const Named functions[] = {{"log1p", &log1p_}, {"log", &log_},     {"exp", &exp_},
                                      {"add", &add_},     {"power", &power_}, {0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
